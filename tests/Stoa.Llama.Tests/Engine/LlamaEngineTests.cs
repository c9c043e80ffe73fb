using System.Text;
using System.Text.Json;
using Stoa.Llama.Engine;
using Stoa.Llama.Grammars;
using Stoa.Llama.Tests.Models;

namespace Stoa.Llama.Tests.Engine;

/// <summary>Answers of a tiny model, alone and beside others.</summary>
[Trait("needs", "node")]
public sealed class LlamaEngineTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    private const string Long = "The market takes what the publisher lists, and the node gives it to whoever asks. A model reads the beginning of a text and writes what comes next. ";

    /// <summary>Never ends by itself: the tokens that say so are ruled out.</summary>
    private static readonly SamplingOptions s_greedy = new() { Temperature = 0, Biases = [.. Enumerable.Range(TinyModel.Vocabulary.FirstControl, 3).Select(token => (token, float.NegativeInfinity))] };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("Why is the sky blue?")]
    [InlineData("naïve café, 你好, 👋🏽 and\ttabs\n\nand lines  with   blanks")]
    [InlineData("")]
    public async Task Tokens_OfAText_AreTheTextAgain(string text)
    {
        var model = await fixture.LoadAsync();

        var tokens = model.Tokenize(text, addsSpecial: false, parsesSpecial: false);

        Encoding.UTF8.GetString([.. tokens.SelectMany(token => model.PieceOf(token).ToArray())]).ShouldBe(text);
        if (text.StartsWith("Why", StringComparison.Ordinal))
            tokens.Length.ShouldBeLessThan(text.Length);
    }

    [Fact]
    public async Task Turns_AreWrittenAsTheFileSays()
    {
        var model = await fixture.LoadAsync();

        model.TryWriteTurns([("system", "Be brief."), ("user", "Hello")], out var prompt).ShouldBeTrue();

        prompt.ShouldBe("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
        model.Tokenize(prompt, addsSpecial: true, parsesSpecial: true).Count(token => token >= TinyModel.Vocabulary.FirstControl).ShouldBe(6, "the beginning of the text, three of turns, two ends");
    }

    [Fact]
    public async Task Answer_Alone_IsTheSameAsBesideEightOthers()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 9);
        var alone = await WriteAsync(engine, Request(model, "Why is the sky blue?", 48));

        var beside = await Task.WhenAll(Enumerable.Range(0, 9).Select(number =>
            WriteAsync(engine, Request(model, number == 4 ? "Why is the sky blue?" : $"Something else: {new string((char)('a' + number), number + 1)}", 48))));

        beside[4].Text.ShouldBe(alone.Text);
        beside.Select(one => one.Text).Distinct().Count().ShouldBe(9);
        // One after the other each would have had its 48 steps, and those before them.
        engine.Figures.Steps.ShouldBeLessThan(9 * 48);
    }

    [Fact]
    public async Task Prompt_ThatBeginsAsOneBefore_IsReadFromThereOn_AndAnsweredTheSame()
    {
        var model = await fixture.LoadAsync();
        string Question(string text) => string.Concat(Enumerable.Repeat(Long, 3)) + text;
        (string, int) first, second;
        using (var fresh = Engine(model))
            first = (await WriteAsync(fresh, Request(model, Question("Say hello."), 24))) is var one ? (one.Text, one.Cached) : default;

        using var engine = Engine(model);
        await WriteAsync(engine, Request(model, Question("Why is it so?"), 24));
        var readBefore = engine.Figures.ReadTokens;
        var answer = await WriteAsync(engine, Request(model, Question("Say hello."), 24));
        second = (answer.Text, answer.Cached);

        second.Item1.ShouldBe(first.Item1);
        first.Item2.ShouldBe(0);
        var whole = model.Tokenize(Question("Say hello."), addsSpecial: true, parsesSpecial: true).Length;
        second.Item2.ShouldBeGreaterThan(whole * 3 / 4);
        (engine.Figures.ReadTokens - readBefore).ShouldBe(whole - second.Item2);
    }

    [Fact]
    public async Task Prompt_ThatBeginsAsOneThatIsWrittenNow_TakesItsBeginningOver()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 2, context: 1_000);
        using var running = engine.Start([Request(model, Long + "Say hello.", 700)], Stop);
        await using var events = running.ReadAllAsync(Stop).GetAsyncEnumerator(Stop);
        await events.MoveNextAsync();

        var beside = await WriteAsync(engine, Request(model, Long + "Why is it so?", 24));

        beside.Cached.ShouldBeGreaterThan(20);
        using var fresh = Engine(model, slots: 2, context: 1_000);
        (await WriteAsync(fresh, Request(model, Long + "Why is it so?", 24))).Text.ShouldBe(beside.Text);
    }

    [Fact]
    public async Task Beginning_OfAnothersPrompt_IsReadAnew()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 2);
        var mine = await WriteAsync(engine, Request(model, Long, 8) with { Scope = "mine" });

        var yours = await WriteAsync(engine, Request(model, Long, 8) with { Scope = "yours" });
        var again = await WriteAsync(engine, Request(model, Long, 8) with { Scope = "mine" });

        (mine.Cached, yours.Cached).ShouldBe((0, 0));
        again.Cached.ShouldBeGreaterThan(0);
        yours.Text.ShouldBe(mine.Text);
    }

    [Fact]
    public async Task Request_OfManyPrompts_LetsOthersTakeTurns()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 1);
        using var many = engine.Start([.. Enumerable.Range(0, 80).Select(number => Request(model, $"Say {number}.", 8) with { FirstIndex = number })], Stop);

        // It waits for one of them, and not for all; nor is it refused since so many wait.
        (await WriteAsync(engine, Request(model, "Say hello.", 8))).Text.ShouldNotBeNull();

        engine.Figures.Waiting.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Choices_OfOneRequest_ReadThePromptOnce_AndDiffer()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 4);

        var choices = await WriteAllAsync(engine, Request(model, Long, 16, s_greedy with { Temperature = 1, Seed = 7 }, choices: 3));

        choices.Count.ShouldBe(3);
        choices.Values.Distinct().Count().ShouldBe(3);
        engine.Figures.ReadTokens.ShouldBe(model.Tokenize(Long, addsSpecial: true, parsesSpecial: true).Length);
        // The second is what a request with the next seed gets.
        (await WriteAsync(engine, Request(model, Long, 16, s_greedy with { Temperature = 1, Seed = 8 }))).Text.ShouldBe(choices[1]);
    }

    [Fact]
    public async Task Seed_DecidesWhatIsDrawn()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model);
        async Task<string> WithAsync(uint seed) => (await WriteAsync(engine, Request(model, "Say hello", 32, s_greedy with { Temperature = 1.5f, TopP = 0.95f, TopK = 100, MinP = 0.01f, Seed = seed }))).Text;

        var first = await WithAsync(42);

        (await WithAsync(42)).ShouldBe(first);
        (await WithAsync(43)).ShouldNotBe(first);
    }

    [Fact]
    public async Task Penalties_KeepAModelFromSayingTheSameAgain()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model);
        var hello = model.Tokenize(" hello", addsSpecial: false, parsesSpecial: false)[0];
        var biased = s_greedy with { Biases = [.. s_greedy.Biases, (hello, 50)] };
        int Count(string text) => text.Split(Encoding.UTF8.GetString(model.PieceOf(hello))).Length - 1;

        Count((await WriteAsync(engine, Request(model, "Say", 10, biased))).Text).ShouldBe(10);
        Count((await WriteAsync(engine, Request(model, "Say", 10, biased with { PresencePenalty = 100 }))).Text).ShouldBe(1);
        Count((await WriteAsync(engine, Request(model, "Say", 10, biased with { FrequencyPenalty = 20 }))).Text).ShouldBeInRange(2, 5);
    }

    [Fact]
    public async Task StopText_EndsAnAnswer_AndIsNoPartOfIt()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model);
        var whole = (await WriteAsync(engine, Request(model, "Why is the sky blue?", 64))).Text;
        var stop = whole[20..26];

        var stopped = await WriteAsync(engine, Request(model, "Why is the sky blue?", 64, null, 1, "never there", stop));

        stopped.End.ShouldBe(EndReason.Stop);
        stopped.Text.ShouldBe(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]);
        stopped.Used.ShouldBeLessThan(64);
    }

    [Fact]
    public async Task TokenOfTheEnd_EndsAnAnswer()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model);

        var answer = await WriteAsync(engine, Request(model, "Hello", 64, new SamplingOptions { Temperature = 0, Biases = [(TinyModel.Vocabulary.FirstControl + 2, 1_000)] }));

        (answer.Text, answer.Used, answer.End).ShouldBe(("", 1, EndReason.Stop));
    }

    [Fact]
    public async Task Answer_EndsWithTheContext()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, context: 64);
        var request = Request(model, "Hello", 10_000);

        var answer = await WriteAsync(engine, request);

        answer.End.ShouldBe(EndReason.Length);
        // The last token need not be seen by anything.
        (request.Prompt.Count + answer.Used).ShouldBe(65);
    }

    [Fact]
    public async Task GivingUp_FreesTheSlot()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 1, context: 1_000);
        using var canceled = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        using var running = engine.Start([Request(model, "Hello", 900)], canceled.Token);
        await using var events = running.ReadAllAsync(Stop).GetAsyncEnumerator(Stop);
        await events.MoveNextAsync();
        var waits = WriteAsync(engine, Request(model, "Say hello", 8));

        await canceled.CancelAsync();

        (await waits).Used.ShouldBe(8);
        await Eventually.IsSoAsync(() => engine.Figures is { BusySlots: 0, Waiting: 0 });
        engine.Figures.WrittenTokens.ShouldBeLessThan(900);
    }

    [Fact]
    public async Task SlowReader_HoldsUpNobodyElse()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, slots: 2, context: 1_000);
        using var unread = engine.Start([Request(model, "Hello", 900)], Stop);
        await Eventually.IsSoAsync(() => unread.IsFull);

        (await WriteAsync(engine, Request(model, "Say hello", 200))).Used.ShouldBe(200);

        // It stood still, and goes on to its end when it is read.
        engine.Figures.WrittenTokens.ShouldBeLessThan(200 + 900);
        var last = default(GenerationEvent);
        await foreach (var next in unread.ReadAllAsync(Stop))
            last = next;
        (last.Used, last.End).ShouldBe((900, EndReason.Length));
    }

    [Fact]
    public async Task Requests_ThatCannotBeTaken_AreRefused()
    {
        var model = await fixture.LoadAsync();
        using var engine = new LlamaEngine(model, new EngineOptions { Slots = 1, ContextLength = 1_000, Threads = 1, MaxWaiting = 1 });
        EngineRefusal Refused(GenerationRequest request) => Should.Throw<EngineRefusalException>(() => engine.Start([request], Stop)).Refusal;

        Refused(Request(model, string.Concat(Enumerable.Repeat(Long, 50)), 1)).ShouldBe(EngineRefusal.PromptTooLong);
        Refused(Request(model, "Hello", 1, choices: 2)).ShouldBe(EngineRefusal.TooManyChoices);
        Refused(Request(model, "Hello", 1, s_greedy with { Grammar = "root ::= nowhere" })).ShouldBe(EngineRefusal.GrammarInvalid);
        using var running = engine.Start([Request(model, "Hello", 900)], Stop);
        await Eventually.IsSoAsync(() => engine.Figures.BusySlots == 1);
        using var waits = engine.Start([Request(model, "Hello", 1)], Stop);
        Refused(Request(model, "Hello", 1)).ShouldBe(EngineRefusal.TooManyWaiting);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Grammar_OfASchema_IsKeptTo(int seed)
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model, context: 1_000);
        var schema = JsonDocument.Parse("""
            { "type": "object", "properties": { "answer": { "enum": ["yes", "no"] }, "count": { "type": "integer" }, "tags": { "type": "array", "items": { "type": "string", "maxLength": 5 }, "maxItems": 3 }, "note": { "type": "string", "maxLength": 8 } },
              "required": ["answer", "count", "tags"], "additionalProperties": false }
            """).RootElement;

        var answer = await WriteAsync(engine, Request(model, "Answer", 900, new SamplingOptions { Seed = (uint)seed, Grammar = SchemaGrammar.Of(schema) }));

        answer.End.ShouldBe(EndReason.Stop);
        var json = JsonDocument.Parse(answer.Text).RootElement;
        json.GetProperty("answer").GetString().ShouldBeOneOf("yes", "no");
        json.GetProperty("count").GetDouble().ShouldBe(Math.Round(json.GetProperty("count").GetDouble()));
        json.GetProperty("tags").GetArrayLength().ShouldBeLessThanOrEqualTo(3);
        json.EnumerateObject().Select(member => member.Name).ShouldBeSubsetOf(["answer", "count", "tags", "note"]);
    }

    [Fact]
    public async Task Grammar_OfAnyObject_GivesOne()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model);
        var close = model.Tokenize("}", addsSpecial: false, parsesSpecial: false)[0];

        var answer = await WriteAsync(engine, Request(model, "Answer", 200, new SamplingOptions { Temperature = 0, Biases = [(close, 1_000)], Grammar = JsonRules.AnyObject }));

        answer.Text.ShouldBe("{}");
        answer.End.ShouldBe(EndReason.Stop);
    }

    [Fact]
    public async Task Embeddings_AreOfLengthOne_AndTheSameAgain_AloneOrTogether()
    {
        var model = await fixture.LoadAsync();
        using var engine = Engine(model);
        int[] Tokens(string text) => model.Tokenize(text, addsSpecial: true, parsesSpecial: false);
        string[] texts = [.. Enumerable.Range(0, 20).Select(number => $"{number} times hello, world"), "Why is the sky blue?"];
        var alone = (await engine.EmbedAsync([Tokens("Why is the sky blue?")], Stop))[0];

        var together = await engine.EmbedAsync([.. texts.Select(Tokens)], Stop);

        together.Count.ShouldBe(21);
        foreach (var vector in together)
            Math.Sqrt(vector.Sum(number => (double)number * number)).ShouldBe(1, 1e-5);
        Cosine(together[20], alone).ShouldBe(1, 1e-4);
        Cosine(together[0], alone).ShouldBeLessThan(0.99);
        await Should.ThrowAsync<EngineRefusalException>(() => engine.EmbedAsync([new int[engine.EmbeddingTokens + 1]], Stop));
    }

    private static double Cosine(float[] one, float[] other) => one.Zip(other).Sum(pair => (double)pair.First * pair.Second);

    private static LlamaEngine Engine(LlamaModel model, int slots = 2, int context = 256) => new(model, new EngineOptions { Slots = slots, ContextLength = context, Threads = 1 });

    private static GenerationRequest Request(LlamaModel model, string prompt, int maxTokens, SamplingOptions? sampling = null, int choices = 1, params string[] stops) =>
        new(model.Tokenize(prompt, addsSpecial: true, parsesSpecial: true), choices, 0, maxTokens, stops, sampling ?? s_greedy);

    private static async Task<(string Text, int Used, EndReason End, int Cached)> WriteAsync(LlamaEngine engine, GenerationRequest request)
    {
        using var stream = engine.Start([request], Stop);
        var (text, last) = ("", default(GenerationEvent));
        await foreach (var next in stream.ReadAllAsync(Stop))
            (text, last) = (text + next.Text, next);
        return (text, last.Used, last.End!.Value, last.CachedPromptTokens);
    }

    private static async Task<Dictionary<int, string>> WriteAllAsync(LlamaEngine engine, GenerationRequest request)
    {
        using var stream = engine.Start([request], Stop);
        var texts = new Dictionary<int, string>();
        await foreach (var next in stream.ReadAllAsync(Stop))
            texts[next.Index] = texts.GetValueOrDefault(next.Index, "") + next.Text;
        return texts;
    }
}
