"""What ``serve --enforce-iam`` adds: whoever asks S3 or SageMaker for something needs a policy that allows it.

::

    keys         access keys that stand for a role
    principals   whom a key stands for, and the policies that he has
    sagemaker    which permissions a request to SageMaker needs, and what its conditions can look at
    s3           the same for S3
    evaluation   whether policies, boundary, session and bucket give one permission, or AWS's words for why not
    guard        all of it, at the three places where requests come in, and for what SageMaker does in a role's name
"""
