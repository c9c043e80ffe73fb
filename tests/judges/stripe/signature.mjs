// Makes and checks signatures of webhooks by Stripe's own library. Reads one JSON object from standard input and writes one to standard output.
//   {"make": {"payload": "…", "secret": "whsec_…", "timestamp": 1700000000}}   -> {"header": "t=…,v1=…"}
//   {"check": {"payload": "…", "secret": "whsec_…", "header": "…", "receivedAt": 1700000000}}  -> {"valid": true, "id": "evt_…"}
import Stripe from 'stripe';

const stripe = new Stripe('sk_test_nothing_is_sent');
let text = '';
for await (const piece of process.stdin)
  text += piece;
const answers = JSON.parse(text).map(({ make, check }) => {
  if (make)
    return { header: stripe.webhooks.generateTestHeaderString(make) };
  try {
    const event = stripe.webhooks.constructEvent(check.payload, check.header, check.secret, 300, undefined, check.receivedAt * 1000);
    return { valid: true, id: event.id };
  } catch (error) {
    return { valid: false, reason: error.message };
  }
});
process.stdout.write(JSON.stringify(answers));
