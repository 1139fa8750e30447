// An app with nothing but a client id, a secret, two addresses and perhaps scopes, on the library that is named.
//
// It reads commands, one a line, and answers each with a line of JSON: "authorize", "callback ADDRESS" and "refresh".
const readline = require('node:readline');

const {CLIENT_ID: id, CLIENT_SECRET: secret, AUTHORIZE_URL: authorizeURL, TOKEN_URL: tokenURL, CALLBACK_URL: callback} = process.env;
const scopes = process.env.SCOPES.split(' ').filter(Boolean);

function simpleOAuth2() {
  const {AuthorizationCode} = require('simple-oauth2');
  const [authorize, token] = [new URL(authorizeURL), new URL(tokenURL)];
  const app = new AuthorizationCode({
    client: {id, secret},
    auth: {tokenHost: token.origin, tokenPath: token.pathname, authorizeHost: authorize.origin, authorizePath: authorize.pathname},
  });
  let credential;
  const failure = refused => refused.data?.payload ?? {error: String(refused)};
  return {
    authorize: () => ({address: app.authorizeURL({redirect_uri: callback, state: 'from simple-oauth2', ...(scopes.length && {scope: scopes})})}),
    callback: async address => {
      credential = await app.getToken({code: new URL(address).searchParams.get('code'), redirect_uri: callback});
      return credential.token;
    },
    refresh: async () => {
      credential = await credential.refresh();
      return credential.token;
    },
    failure,
  };
}

function passportOAuth2() {
  const OAuth2Strategy = require('passport-oauth2');
  let credential;
  const strategy = new OAuth2Strategy(
    {authorizationURL: authorizeURL, tokenURL, clientID: id, clientSecret: secret, callbackURL: callback, scope: scopes.length ? scopes : undefined},
    (accessToken, refreshToken, answer, profile, done) => done(null, {...answer, refresh_token: refreshToken}));
  // passport gives each request a strategy of its own, with these ways to end it.
  const authenticate = query => new Promise((resolve, reject) => {
    Object.assign(Object.create(strategy), {
      redirect: address => resolve({address}), success: resolve, error: reject, fail: why => reject(new Error(JSON.stringify(why))),
    }).authenticate({query, headers: {}, connection: {}}, {});
  });
  return {
    authorize: () => authenticate({}),
    callback: async address => (credential = await authenticate(Object.fromEntries(new URL(address).searchParams))),
    refresh: () => new Promise((resolve, reject) => {
      strategy._oauth2.getOAuthAccessToken(credential.refresh_token, {grant_type: 'refresh_token'}, (refused, accessToken, refreshToken, answer) =>
        (refused ? reject(refused) : resolve((credential = {...answer, refresh_token: refreshToken}))));
    }),
    failure: refused => (refused.data ? JSON.parse(refused.data) : {error: refused.oauthError?.data ?? String(refused)}),
  };
}

const client = {'simple-oauth2': simpleOAuth2, 'passport-oauth2': passportOAuth2}[process.argv[2]]();
(async () => {
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [command, ...rest] = line.split(' ');
    let answer;
    try {
      answer = await client[command](...rest);
    } catch (refused) {
      answer = client.failure(refused);
    }
    console.log(JSON.stringify(answer));
  }
})();
