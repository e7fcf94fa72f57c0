"""What an upsert would change, and what the next run will take from the cache: asked of the API, decided nowhere.

differences.py  two JSON values -> the places where they differ
definitions.py  the deployed definition and the local one -> what changes, by step and argument
code.py         two addresses of published code -> the files that differ
history.py      earlier executions, as the API tells them
forecast.py     definition, parameters and history -> which steps hit the cache, and why the others do not
sections.py     what else follows from a change
show.py         a tree, lines, or JSON
"""
