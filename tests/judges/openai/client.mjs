// The official client asks a node. Arguments: base address, key, chat model, embedding model.
// It writes one JSON object: what it got of each call.
import OpenAI from 'openai';

const [baseURL, apiKey, model, embeddings] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: 'user', content: 'Say hello' }];
const got = {};

got.models = (await client.models.list()).data.map((one) => one.id);
got.retrieved = (await client.models.retrieve(model)).id;

const { data: whole, response } = await client.chat.completions.create({ model, messages, max_tokens: 50 }).withResponse();
got.chat = whole.choices[0].message.content;
got.usage = whole.usage;
got.cost = response.headers.get('stoa-cost');

const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true }, max_tokens: 50 });
got.streamed = '';
for await (const chunk of stream) {
  got.streamed += chunk.choices[0]?.delta?.content ?? '';
  got.streamedUsage = chunk.usage ?? got.streamedUsage;
  got.streamedModel = chunk.model;
}

const tool = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } };
const called = await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'call a tool' }], tools: [tool], max_tokens: 50 });
got.tool = called.choices[0].message.tool_calls?.[0]?.function;

// Two tools at once by a stream, what they answer, and what comes of it.
const calling = { model, messages: [{ role: 'user', content: 'call tools' }], tools: [tool], tool_choice: 'required', max_tokens: 50 };
const message = (await client.chat.completions.stream(calling).finalChatCompletion()).choices[0].message;
got.streamedTools = message.tool_calls.map((call) => [call.function.name, call.function.arguments]);
const results = message.tool_calls.map((call) => ({ role: 'tool', tool_call_id: call.id, content: `sunny in ${JSON.parse(call.function.arguments).city}` }));
got.toolsAnswered = (await client.chat.completions.create({ ...calling, messages: [...calling.messages, message, ...results] })).choices[0].message.content;

const structured = { model, messages: [{ role: 'user', content: 'as JSON' }], max_tokens: 50, response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: { type: 'object' } } } };
got.parsed = JSON.parse((await client.chat.completions.create(structured)).choices[0].message.content);
got.streamedParsed = JSON.parse((await client.chat.completions.stream(structured).finalChatCompletion()).choices[0].message.content);

got.vector = (await client.embeddings.create({ model: embeddings, input: 'some text', encoding_format: 'float' })).data[0].embedding;
got.completion = (await client.completions.create({ model, prompt: 'Once upon', max_tokens: 5 })).choices[0].text;

got.streamedCompletion = '';
for await (const chunk of await client.completions.create({ model, prompt: 'Once upon', max_tokens: 5, stream: true, stream_options: { include_usage: true } })) {
  got.streamedCompletion += chunk.choices[0]?.text ?? '';
  got.streamedCompletionUsage = chunk.usage ?? got.streamedCompletionUsage;
}

async function refusalOf(act) {
  try {
    await act();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? null, code: error.code ?? null, type: error.type ?? null };
  }
}

got.unknownModel = await refusalOf(() => client.chat.completions.create({ model: 'nobody/nothing', messages }));
got.wrongKey = await refusalOf(() => new OpenAI({ baseURL, apiKey: 'stoa_wrong', maxRetries: 0 }).models.list());
got.broken = await refusalOf(async () => {
  const half = await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'break off' }], stream: true, max_tokens: 50 });
  for await (const chunk of half) got.half = (got.half ?? '') + (chunk.choices[0]?.delta?.content ?? '');
});

const endless = await client.chat.completions.create({ model, messages: [{ role: 'user', content: 'never end' }], stream: true, max_tokens: 50 });
for await (const _ of endless) {
  endless.controller.abort();
}
got.aborted = true;

process.stdout.write(JSON.stringify(got));
