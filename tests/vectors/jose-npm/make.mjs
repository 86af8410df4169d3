// Tokens of every algorithm, with their keys in each form. See ../README.md for how to run it.
import * as jose from "jose";

const NOW = 1_900_000_000;
const CLAIMS = {
  iss: "https://auth.example.com",
  aud: "orders",
  sub: "ada",
  jti: "j-1",
  iat: NOW - 10,
  exp: NOW + 600,
  name: "Ada Lovelace ✓",
};
const SECRETS = { HS256: 32, HS384: 48, HS512: 64 };
const PAIRS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "Ed25519", "EdDSA"],
];

const sign = (alg, kid, key) =>
  new jose.SignJWT(CLAIMS).setProtectedHeader({ typ: "at+jwt", alg, kid }).sign(key);

const made = [];
for (const [alg, size] of Object.entries(SECRETS)) {
  const secret = crypto.getRandomValues(new Uint8Array(size));
  const kid = `${alg}-1`;
  const jwk = { kty: "oct", alg, kid, k: jose.base64url.encode(secret) };
  made.push({ alg, jwk, token: await sign(alg, kid, secret) });
}
for (const alg of PAIRS) {
  const { publicKey, privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await jose.exportJWK(privateKey)), alg };
  const kid = await jose.calculateJwkThumbprint(jwk);
  made.push({
    alg,
    jwk: { ...jwk, kid },
    public: { ...(await jose.exportJWK(publicKey)), alg, kid },
    spki: await jose.exportSPKI(publicKey),
    pkcs8: await jose.exportPKCS8(privateKey),
    token: await sign(alg, kid, privateKey),
  });
}
console.log(JSON.stringify({ now: NOW, claims: CLAIMS, made }, null, 1));
