// SPDX-License-Identifier: MIT
// The official JavaScript packages openai and ollama, unchanged, with zod, against a running hearth
// with real models (embeddings: a toy one): chat, streams, tools, structured output, embeddings,
// errors.
//   node sdks_test.mjs URL FOLDER     (FOLDER: where npm has installed package.json)
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const [url, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const OpenAI = require("openai");
const { zodResponseFormat, zodFunction } = require("openai/helpers/zod");
const { Ollama } = require("ollama");
const { z } = require("zod");

const SMALL = "smollm2-135m";
const VECTORS = "toy-bert";
const CODER = "qwen2.5-coder-1.5b";
const City = z.object({ name: z.string(), inhabitants: z.number().int() });
const Place = z.object({ city: z.string() });
const WEATHER = "How is the weather in Hanoi?";

const user = (content) => [{ role: "user", content }];
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const ollama = new Ollama({ host: url });

test("openai: models are listed", async () => {
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert(names.includes(CODER) && names.includes(SMALL));
});

test("openai: a stream gives the text of the whole answer, and counts", async () => {
  const question = { model: SMALL, temperature: 0, max_tokens: 12, messages: user("Count to 9.") };
  const whole = await openai.chat.completions.create(question);
  let text = "";
  let usage;
  const stream = await openai.chat.completions.create({
    ...question, stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test("openai: the stream helper sees the same events", async () => {
  const helper = openai.chat.completions.stream({
    model: SMALL, temperature: 0, max_tokens: 8, messages: user("Say hello."),
  });
  let text = "";
  helper.on("content", (delta) => (text += delta));
  const last = await helper.finalChatCompletion();
  assert.equal(text, last.choices[0].message.content);
});

test("openai: a zod object is parsed", async () => {
  const answer = await openai.chat.completions.parse({
    model: CODER, temperature: 0, max_tokens: 60, messages: user("Describe Paris as JSON."),
    response_format: zodResponseFormat(City, "city"),
  });
  assert.match(answer.choices[0].message.parsed.name, /Paris/);
});

test("openai: a zod tool is called, and its result comes back", async () => {
  const tool = zodFunction({ name: "get_weather", parameters: Place, description: "The weather now" });
  const question = { model: CODER, temperature: 0, max_tokens: 60, tools: [tool] };
  const answer = await openai.chat.completions.parse({
    ...question, tool_choice: "required", parallel_tool_calls: false, messages: user(WEATHER),
  });
  assert.equal(answer.choices[0].finish_reason, "tool_calls");
  const [call] = answer.choices[0].message.tool_calls;
  assert.equal(call.function.name, "get_weather");
  assert.match(call.function.parsed_arguments.city, /hanoi/i);
  const told = { role: "tool", tool_call_id: call.id, content: '{"sky":"rain","celsius":31}' };
  const { role, content, tool_calls } = answer.choices[0].message;
  const calls = tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({
    id, type, function: { name, arguments: args },
  }));
  const back = await openai.chat.completions.create({
    ...question, tool_choice: "none", max_tokens: 40,
    messages: [...user(WEATHER), { role, content, tool_calls: calls }, told],
  });
  assert.match(back.choices[0].message.content, /31|rain/);
});

test("openai: tool calls come as a stream", async () => {
  let name = "";
  let text = "";
  const stream = await openai.chat.completions.create({
    model: CODER, temperature: 0, max_tokens: 60, stream: true, tool_choice: "required",
    parallel_tool_calls: false, messages: user(WEATHER),
    tools: [zodFunction({ name: "get_weather", parameters: Place, description: "The weather now" })],
  });
  for await (const chunk of stream) {
    for (const call of chunk.choices[0]?.delta?.tool_calls ?? []) {
      name += call.function?.name ?? "";
      text += call.function?.arguments ?? "";
    }
  }
  assert.equal(name, "get_weather");
  assert.ok(Place.parse(JSON.parse(text)).city);
});

test("openai: responses stream and are kept", async () => {
  let text = "";
  let last;
  const stream = await openai.responses.create({
    model: SMALL, temperature: 0, max_output_tokens: 8, input: "Say hello.", stream: true,
  });
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.completed" || event.type === "response.incomplete") {
      last = event.response;
    }
  }
  assert.equal(last.output[0].content[0].text, text);
  const next = await openai.responses.create({
    model: SMALL, max_output_tokens: 4, previous_response_id: last.id, input: "And now?",
  });
  assert.equal(next.previous_response_id, last.id);
});

test("openai: embeddings", async () => {
  const { data, usage } = await openai.embeddings.create({ model: VECTORS, input: ["a cat", "rain"] });
  assert.equal(data.length, 2);
  assert.ok(usage.prompt_tokens > 0);
  const length = Math.hypot(...data[0].embedding);
  assert.ok(Math.abs(length - 1) < 1e-3, `a vector has the length ${length}`);
  assert.notDeepEqual(data[0].embedding, data[1].embedding);
});

test("openai: errors are of the package's own kinds", async () => {
  const ask = (fields) =>
    openai.chat.completions.create({ model: SMALL, messages: user("hi"), ...fields });
  await assert.rejects(ask({ model: "no-such-model" }), OpenAI.NotFoundError);
  await assert.rejects(ask({ temperature: -3 }), (error) =>
    error instanceof OpenAI.BadRequestError && /temperature/.test(error.message));
});

test("openai: a stream can be left", async () => {
  const stream = await openai.completions.create({
    model: SMALL, prompt: "Once", max_tokens: 2000, stream: true,
  });
  let n = 0;
  for await (const chunk of stream) if (chunk && ++n === 3) break;
  assert.equal(n, 3);
});

test("ollama: chat and its stream agree", async () => {
  const question = {
    model: SMALL, options: { temperature: 0, num_predict: 12 }, messages: user("Count to 9."),
  };
  const whole = await ollama.chat(question);
  let text = "";
  let last;
  for await (const part of await ollama.chat({ ...question, stream: true })) {
    text += part.message.content;
    last = part;
  }
  assert.equal(text, whole.message.content);
  assert.ok(last.done);
  assert.equal(last.eval_count, whole.eval_count);
});

test("ollama: a zod schema is kept, and tools are called", async () => {
  const answer = await ollama.chat({
    model: CODER, format: z.toJSONSchema(City), options: { temperature: 0, num_predict: 60 },
    messages: user("Describe Paris."),
  });
  assert.match(City.parse(JSON.parse(answer.message.content)).name, /Paris/);
  const parameters = { type: "object", properties: { city: { type: "string" } },
                       required: ["city"] };
  const tools = [{ type: "function", function: { name: "get_weather", parameters,
                                                 description: "The weather of a city now" } }];
  const called = await ollama.chat({
    model: CODER, tools, options: { temperature: 0, num_predict: 30 }, messages: user(WEATHER),
  });
  for (const call of called.message.tool_calls ?? []) {  // it may also answer in words
    assert.equal(call.function.name, "get_weather");
    assert.ok(Place.parse(call.function.arguments).city);
  }
});

test("ollama: generate, embed, list, show, ps, version", async () => {
  let text = "";
  const options = { num_predict: 6, temperature: 0 };
  const parts = await ollama.generate({
    model: SMALL, prompt: "Once upon a", raw: true, stream: true, options,
  });
  for await (const part of parts) text += part.response;
  assert.ok(text);
  const { embeddings } = await ollama.embed({ model: VECTORS, input: ["a cat", "rain"] });
  assert.equal(embeddings.length, 2);
  assert.ok((await ollama.list()).models.some((model) => model.name.startsWith(CODER)));
  assert.match(JSON.stringify(await ollama.show({ model: CODER })), /qwen2/);
  assert.ok((await ollama.ps()).models.some((model) => model.name.startsWith(SMALL)));
  assert.ok((await ollama.version()).version);
});

test("ollama: an unknown model is an error with its status", async () => {
  await assert.rejects(ollama.chat({ model: "no-such-model", messages: user("hi") }), (error) =>
    error.status_code === 404 && /no-such-model/.test(error.message));
});
