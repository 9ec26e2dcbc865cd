"""Every recipe on a temporal hold-out, through boto3 against the local service, compared with the library
`implicit`."""
