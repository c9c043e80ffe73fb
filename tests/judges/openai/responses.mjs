// The official client asks a node over the Responses API. Arguments: base address, key, model.
// It writes one JSON object: what it got of each call.
import OpenAI from 'openai';

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const got = {};

const { data: whole, response } = await client.responses.create({ model, input: 'Say hello', instructions: 'Be brief', max_output_tokens: 50, metadata: { a: 'b' } }).withResponse();
got.whole = { text: whole.output_text, status: whole.status, usage: whole.usage, model: whole.model, instructions: whole.instructions, metadata: whole.metadata, store: whole.store };
got.cost = response.headers.get('stoa-cost');

got.events = [];
const stream = client.responses.stream({ model, input: [{ role: 'user', content: 'Say hello' }] });
for await (const event of stream) got.events.at(-1) === event.type || got.events.push(event.type);
const streamed = await stream.finalResponse();
got.streamed = { text: streamed.output_text, status: streamed.status, usage: streamed.usage, id: streamed.id.slice(0, 5) };

got.reasoning = (await client.responses.create({ model, input: 'think', reasoning: { effort: 'low' } })).output.map((item) => [item.type, item.content[0].text]);

// Two tools at once, what they answer, and what comes of it; streamed and not.
const tools = [{ type: 'function', name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } }, strict: null }];
got.tools = [];
for (const isStream of [false, true]) {
  const params = { model, input: [{ role: 'user', content: 'call tools' }], tools, tool_choice: 'required' };
  const called = isStream ? await client.responses.stream(params).finalResponse() : await client.responses.create(params);
  const calls = called.output.filter((item) => item.type === 'function_call');
  const outputs = calls.map((call) => ({ type: 'function_call_output', call_id: call.call_id, output: `sunny in ${JSON.parse(call.arguments).city}` }));
  const answer = await client.responses.create({ ...params, input: [...params.input, ...called.output, ...outputs] });
  got.tools.push({ calls: calls.map((call) => [call.call_id, call.name, call.arguments]), answer: answer.output_text });
}

const picture = [{ type: 'input_image', image_url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'auto' }, { type: 'input_text', text: 'What is it?' }];
got.image = (await client.responses.create({ model, input: [{ role: 'user', content: picture }] })).output_text;
got.parsed = (await client.responses.parse({ model, input: 'as JSON', text: { format: { type: 'json_schema', name: 'answer', schema: { type: 'object' }, strict: true } } })).output_text;
got.cut = await client.responses.create({ model, input: 'too long' }).then((one) => [one.status, one.incomplete_details.reason]);

async function refusalOf(act) {
  try {
    await act();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? null, code: error.code ?? null, param: error.param ?? null };
  }
}

got.unknownModel = await refusalOf(() => client.responses.create({ model: 'nobody/nothing', input: 'Say hello' }));
got.wrongKey = await refusalOf(() => new OpenAI({ baseURL, apiKey: 'stoa_wrong', maxRetries: 0 }).responses.create({ model, input: 'Say hello' }));
got.refused = await refusalOf(() => client.responses.create({ model, input: 'Say hello', previous_response_id: 'resp_1' }));
got.broken = await refusalOf(async () => {
  for await (const event of await client.responses.create({ model, input: 'break off', stream: true })) got.half = (got.half ?? '') + (event.type === 'response.output_text.delta' ? event.delta : '');
});

process.stdout.write(JSON.stringify(got));
