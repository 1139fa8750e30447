"""An app with nothing but a client id, a secret, two addresses and perhaps scopes, on the library that is named.

It reads commands, one a line, and answers each with a line of JSON: "authorize", "callback ADDRESS" and "refresh".
"""

import json
import os
import sys

ID, SECRET = os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]
AUTHORIZE, TOKEN = os.environ["AUTHORIZE_URL"], os.environ["TOKEN_URL"]
CALLBACK, SCOPES = os.environ["CALLBACK_URL"], os.environ["SCOPES"].split() or None


class Authlib:
    def __init__(self):
        from authlib.integrations.requests_client import OAuth2Session

        self.session = OAuth2Session(ID, SECRET, scope=SCOPES, redirect_uri=CALLBACK)

    def authorize(self):
        address, self.state = self.session.create_authorization_url(AUTHORIZE)
        return {"address": address}

    def callback(self, address):
        return self.session.fetch_token(TOKEN, authorization_response=address, state=self.state)

    def refresh(self):
        return self.session.refresh_token(TOKEN)


class RequestsOAuthlib:
    def __init__(self):
        from requests_oauthlib import OAuth2Session

        self.session = OAuth2Session(ID, scope=SCOPES, redirect_uri=CALLBACK)

    def authorize(self):
        address, _ = self.session.authorization_url(AUTHORIZE)
        return {"address": address}

    def callback(self, address):
        return self.session.fetch_token(TOKEN, authorization_response=address, client_secret=SECRET)

    def refresh(self):
        return self.session.refresh_token(TOKEN, client_id=ID, client_secret=SECRET)


client = {"authlib": Authlib, "requests-oauthlib": RequestsOAuthlib}[sys.argv[1]]()
for line in sys.stdin:
    command, *arguments = line.split()
    try:
        answer = getattr(client, command)(*arguments)
    except (Exception, Warning) as refused:
        answer = {"error": getattr(refused, "error", None) or repr(refused), "error_description": getattr(refused, "description", "")}
    if isinstance(answer.get("scope"), list):  # as oauthlib has it
        answer = {**answer, "scope": " ".join(answer["scope"])}
    print(json.dumps(answer), flush=True)
