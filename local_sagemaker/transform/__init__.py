"""Batch transform: a model's containers are started, every object of the input goes through them, and they are ended.

api           the operations, and the life of a job
checks        what a request may ask for
options       how a job goes about it
objects       which objects are its input, and where their outputs go
split         an object cut into what one request carries
association   filters, and rows joined with what the model answered
jsonpath      the expressions of these filters
containers    the model's containers, asked one after the other, and again where it may help
course        everything in its order: objects, requests under way, outputs
output        the answers of one object, put together
capture       which objects were input and output, for Model Monitor
data_log      what CloudWatch shows of failures
"""
