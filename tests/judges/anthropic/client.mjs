// The official client asks a node. Arguments: address, key, model.
// It writes one JSON object: what it got of each call.
import Anthropic from '@anthropic-ai/sdk';

const [baseURL, apiKey, model] = process.argv.slice(2);
// By its own header, as it does by default.
const client = new Anthropic({ baseURL, apiKey, authToken: null, maxRetries: 0 });
const ask = (content, more = {}) => ({ model, max_tokens: 50, messages: [{ role: 'user', content }], ...more });
const got = {};

const { data: whole, response } = await client.messages.create(ask('Say hello', { system: 'Be brief', stop_sequences: ['END'], temperature: 0.5 })).withResponse();
got.whole = whole;
got.cost = response.headers.get('stoa-cost');

got.events = [];
const stream = client.messages.stream(ask('Say hello'));
stream.on('streamEvent', (event) => got.events.at(-1) === event.type || got.events.push(event.type));
got.streamed = await stream.finalMessage();

got.thinking = (await client.messages.create(ask('think', { thinking: { type: 'enabled', budget_tokens: 1024 } }))).content;
got.thoughtInStream = (await client.messages.stream(ask('think', { thinking: { type: 'adaptive' } })).finalMessage()).content;

// Two tools at once, what they answer, and what comes of it; streamed and not.
const tools = [{ name: 'weather', description: 'Of a city', input_schema: { type: 'object', properties: { city: { type: 'string' } } } }];
got.tools = [];
for (const isStream of [false, true]) {
  const params = ask('call tools', { tools, tool_choice: { type: 'any' } });
  const called = isStream ? await client.messages.stream(params).finalMessage() : await client.messages.create(params);
  const uses = called.content.filter((block) => block.type === 'tool_use');
  const results = uses.map((use) => ({ type: 'tool_result', tool_use_id: use.id, content: [{ type: 'text', text: `sunny in ${use.input.city}` }] }));
  const answer = await client.messages.create({ ...params, messages: [...params.messages, { role: 'assistant', content: called.content }, { role: 'user', content: results }] });
  got.tools.push({ stop: called.stop_reason, content: called.content, answer: answer.content[0].text });
}

const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } };
got.image = (await client.messages.create(ask([image, { type: 'text', text: 'What is it?' }]))).content[0].text;

async function refusalOf(act) {
  try {
    await act();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? null, type: error.type ?? null, code: error.errorCode ?? null, param: error.details?.param ?? null };
  }
}

got.byToken = (await new Anthropic({ baseURL, apiKey: null, authToken: apiKey, maxRetries: 0 }).messages.create(ask('Say hello'))).content[0].text;
got.wrongKey = await refusalOf(() => new Anthropic({ baseURL, apiKey: 'stoa_wrong', authToken: null, maxRetries: 0 }).messages.create(ask('Say hello')));
got.unknownModel = await refusalOf(() => client.messages.create(ask('Say hello', { model: 'nobody/nothing' })));
got.refused = await refusalOf(() => client.messages.create(ask('Say hello', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] })));
got.broken = await refusalOf(async () => {
  for await (const event of await client.messages.create(ask('break off', { stream: true }))) got.half = (got.half ?? '') + (event.delta?.text ?? '');
});
got.parsed = (await client.messages.create(ask('as JSON', { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } }))).content[0].text;

process.stdout.write(JSON.stringify(got));
