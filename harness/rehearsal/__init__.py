"""A stack on AWS from an empty account to a prediction and back, on the account or on its stand-in."""
