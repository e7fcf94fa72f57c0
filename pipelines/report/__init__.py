"""One HTML page for one execution, which opens without a server and can be sent by mail.

facts     what the API and the bucket know of the execution
graph     the pipeline as a drawing: what waits for what, and how each step ended
timeline  when each step ran
page      the page itself, from ``page.html``
"""
