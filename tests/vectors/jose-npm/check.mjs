// Verify tokens of gatepass: a list of {alg, jwk, token} on standard input; prints the claims of each, in order.
import { text } from "node:stream/consumers";
import * as jose from "jose";

const read = [];
for (const { alg, jwk, token } of JSON.parse(await text(process.stdin))) {
  const key = await jose.importJWK(jwk, alg);
  const { payload } = await jose.jwtVerify(token, key, {
    algorithms: [alg],
    issuer: "https://auth.example.com",
    audience: "orders",
    typ: "at+jwt",
    currentDate: new Date(1_900_000_000_000),
  });
  read.push(payload);
}
console.log(JSON.stringify(read));
