// An app that signs people in by a published library. The test is its browser and the one before it: the app prints where
// to go, one JSON object in a line, and reads where that led. Its last line is what it has learned.
import { createInterface } from 'node:readline'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const read = async () => JSON.parse((await lines.next()).value)
const say = (message) => console.log(JSON.stringify(message))

const app = await read()
const secondsSinceSignIn = 300

async function visit(address, deny = false) {
  say({ visit: address.href, deny })
  return new URL((await read()).location)
}

/** What went wrong, as the library tells it. */
const problem = async (attempt) => attempt.then(() => 'nothing', (failure) => failure.error ?? failure.cause?.[0]?.parameters?.error ?? String(failure))

async function openidClient() {
  const authenticate = { client_secret_post: openid.ClientSecretPost, client_secret_basic: openid.ClientSecretBasic, none: openid.None }[app.authentication]
  const discover = () => openid.discovery(new URL(app.issuer), app.clientId, { id_token_signed_response_alg: app.algorithm }, authenticate(app.secret), {
    execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks],
  })
  const config = await discover()
  const pkceCodeVerifier = openid.randomPKCECodeVerifier()
  const expectedState = openid.randomState()
  const expectedNonce = openid.randomNonce()
  const request = {
    redirect_uri: app.redirectUri, scope: app.scope, state: expectedState, nonce: expectedNonce, max_age: String(secondsSinceSignIn),
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
  }
  const landed = await visit(openid.buildAuthorizationUrl(config, request))
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, maxAge: secondsSinceSignIn, idTokenExpected: true }
  const tokens = await openid.authorizationCodeGrant(config, landed, checks)
  const claims = tokens.claims()
  const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims.sub)
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token)
  const learned = { claims, userinfo, refreshed: refreshed.claims() }
  if (app.secret) {
    learned.introspection = await openid.tokenIntrospection(config, refreshed.access_token)
    learned.own = (await openid.clientCredentialsGrant(config)).token_type
  }
  await openid.tokenRevocation(config, refreshed.refresh_token)
  learned.revoked = await problem(openid.fetchUserInfo(config, refreshed.access_token, claims.sub))
  learned.replayed = await problem(openid.authorizationCodeGrant(config, landed, checks))
  const denied = await visit(openid.buildAuthorizationUrl(config, { ...request, prompt: 'consent' }), true)
  learned.denied = await problem(openid.authorizationCodeGrant(config, denied, checks))

  const implicit = await discover()
  openid.useIdTokenResponseType(implicit)
  const straight = await visit(openid.buildAuthorizationUrl(implicit, { redirect_uri: app.redirectUri, scope: 'openid', nonce: expectedNonce, state: expectedState }))
  learned.straight = (await openid.implicitAuthentication(implicit, straight, expectedNonce, { expectedState })).sub
  learned.signOut = openid.buildEndSessionUrl(config, { post_logout_redirect_uri: app.redirectUri, id_token_hint: tokens.id_token }).href
  return learned
}

async function oauth4webapi() {
  const authentication = { client_secret_post: oauth.ClientSecretPost, client_secret_basic: oauth.ClientSecretBasic, none: oauth.None }[app.authentication](app.secret)
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(app.issuer)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const client = { client_id: app.clientId, id_token_signed_response_alg: app.algorithm }
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const request = new URL(server.authorization_endpoint)
  request.search = new URLSearchParams({
    client_id: app.clientId, response_type: 'code', redirect_uri: app.redirectUri, scope: app.scope, state, nonce, max_age: String(secondsSinceSignIn),
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  const parameters = oauth.validateAuthResponse(server, client, await visit(request), state)
  const exchange = async () => {
    const answer = await oauth.authorizationCodeGrantRequest(server, client, authentication, parameters, app.redirectUri, verifier, insecure)
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: nonce, maxAge: secondsSinceSignIn, requireIdToken: true })
    await oauth.validateApplicationLevelSignature(server, answer, insecure)
    return tokens
  }
  const tokens = await exchange()
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const user = async (token) => oauth.processUserInfoResponse(server, client, claims.sub, await oauth.userInfoRequest(server, client, token, insecure))
  const userinfo = await user(tokens.access_token)
  const refreshed = await oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure))
  const learned = { claims, userinfo, refreshed: oauth.getValidatedIdTokenClaims(refreshed) }
  if (app.secret) {
    learned.introspection = await oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, authentication, refreshed.access_token, insecure))
    const own = await oauth.clientCredentialsGrantRequest(server, client, authentication, new URLSearchParams(), insecure)
    learned.own = (await oauth.processClientCredentialsResponse(server, client, own)).token_type
  }
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, refreshed.refresh_token, insecure))
  learned.revoked = await problem(user(refreshed.access_token))
  learned.replayed = await problem(exchange())
  request.searchParams.set('prompt', 'consent')
  const denied = await visit(request, true)
  learned.denied = await problem((async () => oauth.validateAuthResponse(server, client, denied, state))())
  return learned
}

try {
  say({ learned: await { 'openid-client': openidClient, oauth4webapi }[app.library]() })
} catch (failure) {
  say({ failed: `${failure.stack} ${JSON.stringify(failure.cause)}` })
}
process.exit()
