"""A local SageMaker: one process on loopback that speaks the AWS API and really executes every job."""
