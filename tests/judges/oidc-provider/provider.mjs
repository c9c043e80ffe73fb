// An OpenID Connect provider for the tests: oidc-provider on a free port of the loopback interface, with its own forms for login and consent.
// Its argument is JSON: {"clientId", "clientSecret", "redirectUri"}. It writes its issuer on a line when it listens, and ends with standard input.
import http from 'node:http';
import Provider from 'oidc-provider';

const { clientId, clientSecret, redirectUri } = JSON.parse(process.argv[2]);
const server = http.createServer();
await new Promise(listening => server.listen(0, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri], response_types: ['code'], grant_types: ['authorization_code'] }],
  pkce: { required: () => true },
  scopes: ['openid', 'email', 'profile', 'groups'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'], groups: ['groups'] },
  // Who types a name signs in as that person.
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, preferred_username: id, groups: ['stoa-developers'] }),
  }),
});
server.on('request', provider.callback());
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write(issuer + '\n');
