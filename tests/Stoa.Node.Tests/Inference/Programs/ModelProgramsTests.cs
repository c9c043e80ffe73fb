using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Tests.Calls;
using Stoa.Node.Http;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Gateway;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference.Programs;

/// <summary>Models that are programs, on a whole node: asked as any other, and each request by itself.</summary>
public sealed class ModelProgramsTests
{
    private const string EndlessFuel = "9000000000000000000";

    private static readonly byte[] s_program = ScriptedModel.Binary();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Program_AnswersWholeAndStreamed_AndIsPaidByItsTokens()
    {
        await using var node = await ProgramNode.StartAsync(s_program);

        using var whole = await node.AskAsync('W');
        using var streamed = await node.AskAsync('S', stream: true);

        (await InferenceNode.ReadAsync(whole))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        whole.Headers.GetValues("Stoa-Cost").ShouldBe(["0.000011000"]);
        var events = await InferenceNode.ReadEventsAsync(streamed);
        (InferenceNode.TextOf(events), events[^1]).ShouldBe(("word word ", "[DONE]"));
        await node.All.HasUsedAsync(2, 14, 4, "0.000022000");
        var shown = (await node.ReplicaAsync()).ShouldNotBeNull();
        (shown["figures"]!["served"]!.GetValue<int>(), shown["hasApiKey"]!.GetValue<bool>()).ShouldBe((2, false));
        shown["figures"]!["health"]!.GetValue<string>().ShouldBeOneOf("starting", "well");
        shown["address"]!.GetValue<string>().ShouldBe($"wasm://node/{shown["id"]}");
        // It has been asked whether it is well meanwhile, and loaded once for all that.
        node.Said.ShouldHaveSingleItem().ShouldContain("Loaded.");
    }

    [Theory]
    [InlineData('L', false)]
    [InlineData('L', true)]
    [InlineData('T', false)]
    [InlineData('T', true)]
    [InlineData('A', false)]
    [InlineData('G', false)]
    [InlineData('G', true)]
    [InlineData('H', true)]
    [InlineData('N', false)]
    [InlineData('N', true)]
    [InlineData('X', false)]
    [InlineData('e', false)]
    public async Task Fault_BeforeTheFirstWord_IsNotSeen_AsLongAsAnotherServerLives(char letter, bool stream)
    {
        await using var node = await ProgramNode.StartAsync(s_program, "--Inference:Local:0:Fuel", "300000000", "--Inference:MaxAnswerBytes", "2000000");
        await using var other = ModelServer.Start();
        using (var alone = await node.AskAsync(letter, stream))
            (await InferenceNode.ReadAsync(alone, HttpStatusCode.BadGateway))["error"]!["code"]!.GetValue<string>().ShouldBe("replicas_failed");
        await node.All.RegisterAsync(other, ProgramNode.Model, region: "elsewhere");

        using var answer = await node.AskAsync(letter, stream);

        if (stream)
            InferenceNode.TextOf(await InferenceNode.ReadEventsAsync(answer)).ShouldBe("Hello there ");
        else
            (await InferenceNode.ReadAsync(answer))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        // Of the failed ones nothing is charged.
        await node.All.HasUsedAsync(1, 7, 2, "0.000011000");
    }

    [Theory]
    [InlineData('l')]
    [InlineData('t')]
    [InlineData('h')]
    [InlineData('f')]
    public async Task Fault_AfterTheFirstWord_IsToldInTheStream_AndCostsNothing(char letter)
    {
        await using var node = await ProgramNode.StartAsync(s_program, "--Inference:Local:0:Fuel", "300000000");

        using var answer = await node.AskAsync(letter, stream: true);

        var events = await InferenceNode.ReadEventsAsync(answer);
        InferenceNode.TextOf(events).ShouldBe("word ");
        events.ShouldNotContain("[DONE]");
        JsonNode.Parse(events[^1])!["error"]!["code"]!.GetValue<string>().ShouldBe("answer_broken");
        (await node.All.UsedAsync()).Requests.ShouldBe(0);
        // The next request finds nothing of that.
        (await InferenceNode.ReadAsync(await node.AskAsync('M')))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("11");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Request_AtFault_IsRefusedInTheProgramsWords_AndCostsNothing(bool stream)
    {
        await using var node = await ProgramNode.StartAsync(s_program);

        using var answer = await node.AskAsync('E', stream);

        var error = (await InferenceNode.ReadAsync(answer, HttpStatusCode.BadRequest))["error"]!;
        (error["code"]!.GetValue<string>(), error["message"]!.GetValue<string>()).ShouldBe(("refused_by_model", "That cannot be answered."));
        (await node.All.UsedAsync()).Requests.ShouldBe(0);
    }

    [Fact]
    public async Task Requests_OfManyAccounts_ShareNothing_AndAreLoadedOnce()
    {
        await using var node = await ProgramNode.StartAsync(s_program, isFree: true);
        using var other = await node.All.Node.JoinAsync("ben");
        using var http = new HttpClient { BaseAddress = node.All.Http.BaseAddress };
        http.DefaultRequestHeaders.Authorization = new("Bearer", other.Options.ApiKey);

        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(async number => await InferenceNode.ReadAsync(await node.AskAsync('M', http: number % 2 == 0 ? http : null))));

        // Loaded once, and each finds itself the first that has written to its memory.
        answers.ShouldAllBe(answer => answer["choices"]![0]!["message"]!["content"]!.GetValue<string>() == "11");
        node.Said.Count(line => line.Contains("Loaded.", StringComparison.Ordinal)).ShouldBe(1);
        (await node.LocalAsync())!["starts"]!.GetValue<int>().ShouldBe(1);
    }

    [Fact]
    public async Task Program_ThatHasNothingToLoad_BeginsAfreshEachTime()
    {
        await using var node = await ProgramNode.StartAsync(ScriptedModel.Binary(load: null));

        for (var request = 0; request < 3; request++)
            (await InferenceNode.ReadAsync(await node.AskAsync('M')))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("01");
    }

    [Theory]
    [InlineData('C')]
    [InlineData('l')]
    public async Task Client_ThatGoesAway_EndsTheProgramAtOnce(char letter)
    {
        // Nothing else would end it: it has fuel for a hundred years, and the only place.
        await using var node = await ProgramNode.StartAsync(
            s_program, "--Inference:Local:0:Slots", "1", "--Inference:Local:0:Fuel", EndlessFuel, "--Inference:Local:0:TimeoutMs", "3600000", "--Inference:IdleMs", "3600000");
        using (var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop))
        {
            using var answer = await node.AskAsync(letter, stream: true, cancellationToken: cancel.Token);
            await using var stream = await answer.Content.ReadAsStreamAsync(Stop);
            using var reader = new StreamReader(stream);
            while (!(await reader.ReadLineAsync(Stop))!.Contains("word ", StringComparison.Ordinal))
            {
            }

            await cancel.CancelAsync();
        }

        using var next = await node.AskAsync('W');
        (await InferenceNode.ReadAsync(next))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
    }

    [Fact]
    public async Task Client_ThatDoesNotWaitForAWholeAnswer_EndsTheProgramAtOnce()
    {
        await using var node = await ProgramNode.StartAsync(s_program, "--Inference:Local:0:Slots", "1", "--Inference:Local:0:Fuel", EndlessFuel, "--Inference:Local:0:TimeoutMs", "3600000");
        using (var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop))
        {
            var asked = node.AskAsync('L', cancellationToken: cancel.Token);
            await Eventually.IsSoAsync(async () => (await node.ReplicaAsync())!["figures"]!["outstandingRequests"]!.GetValue<int>() == 1);
            await cancel.CancelAsync();
            await Should.ThrowAsync<OperationCanceledException>(asked);
        }

        using var next = await node.AskAsync('W');
        (await InferenceNode.ReadAsync(next))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");
        await node.All.HasUsedAsync(1, 7, 2, "0.000011000");
    }

    [Fact]
    public async Task Reader_WhoStandsStill_HoldsUpNobodyElse()
    {
        await using var node = await ProgramNode.StartAsync(
            s_program, "--Inference:Local:0:Slots", "2", "--Inference:Local:0:Fuel", EndlessFuel, "--Inference:Local:0:TimeoutMs", "3600000", "--Inference:IdleMs", "3600000", "--Inference:MaxAnswerMs", "3600000");
        var request = new { model = ProgramNode.Model, messages = new[] { new { role = "user", content = "#C" } }, stream = true, max_tokens = 100_000 };
        using var slow = await node.All.AskAsync(request);
        slow.StatusCode.ShouldBe(HttpStatusCode.OK);

        for (var number = 0; number < 20; number++)
        {
            using var answer = await node.AskAsync('W');
            answer.StatusCode.ShouldBe(HttpStatusCode.OK);
        }
    }

    [Fact]
    public async Task Program_ThatHasWrittenAll_IsFreeForOthers_ThoughItsReaderStandsStill_AndWhatIsKeptForHimIsCounted()
    {
        await using var node = await ProgramNode.StartAsync(s_program, isFree: true, Patient);
        var held = node.All.Node.Host.Services.GetRequiredService<HeldBodies>();
        using var answer = new UntakenAnswer();
        var asked = await AskUntakenAsync(node, 'B', answer);

        (await node.AskAsync('W')).StatusCode.ShouldBe(HttpStatusCode.OK);

        asked.IsCompleted.ShouldBeFalse();
        // Two hundred kilobytes or more, of which a piece was read.
        held.Bytes.ShouldBeInRange(200_000, 1 << 20);
        answer.Take();
        await asked;
        Encoding.ASCII.GetString(answer.Written.Span).ShouldEndWith("data: [DONE]\n\n");
        Encoding.ASCII.GetString(answer.Written.Span).Split("word ").Length.ShouldBe(4_001);
        held.Bytes.ShouldBe(0);
    }

    [Fact]
    public async Task Program_ThatHasWrittenAll_IsNotFree_WhereNothingMoreMayBeKeptForItsReader()
    {
        await using var node = await ProgramNode.StartAsync(s_program, isFree: true, [.. Patient, "--Inference:QueueMs", "500"]);
        var services = node.All.Node.Host.Services;
        using var all = services.GetRequiredService<HeldBodies>().Open(await AccountOfAsync(node));
        all.TryGrow(services.GetRequiredService<InferenceOptions>().MaxHeldBytesOfAccount - HeldBodies.SmallBytes).ShouldBeTrue();
        using var answer = new UntakenAnswer();
        var asked = await AskUntakenAsync(node, 'B', answer);

        (await node.AskAsync('W')).StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);

        answer.Take();
        await asked;
        (await node.AskAsync('W')).StatusCode.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Program_ThatFailsBehindASlowReader_HasFailed_ForThoseWhoWatchIt()
    {
        await using var node = await ProgramNode.StartAsync(s_program, isFree: true, Patient);
        using var answer = new UntakenAnswer();
        var asked = await AskUntakenAsync(node, 'b', answer);

        await Eventually.IsSoAsync(async () => (await node.All.Node.Client.ListReplicasAsync(Stop).FirstAsync(Stop)).Figures!.Failed == 1);

        asked.IsCompleted.ShouldBeFalse();
        answer.Take();
        await asked;
        Encoding.ASCII.GetString(answer.Written.Span).ShouldContain("answer_broken");
        (await node.All.Node.Client.ListReplicasAsync(Stop).FirstAsync(Stop)).Figures!.Failed.ShouldBe(1);
    }

    [Fact]
    public async Task Program_ThatTakesTooLong_IsEndedByTheClock()
    {
        await using var node = await ProgramNode.StartAsync(s_program, "--Inference:Local:0:Slots", "1", "--Inference:Local:0:Fuel", EndlessFuel, "--Inference:Local:0:TimeoutMs", "300");

        using var answer = await node.AskAsync('L');

        (await InferenceNode.ReadAsync(answer, HttpStatusCode.BadGateway))["error"]!["message"]!.GetValue<string>().ShouldContain("300 ms");
        await Eventually.IsSoAsync(async () =>
        {
            using var next = await node.AskAsync('W');
            return next.StatusCode is HttpStatusCode.OK;
        });
    }

    [Fact]
    public async Task Complaints_OfAProgram_AreInTheLog_ButNotAllOfThem()
    {
        await using var node = await ProgramNode.StartAsync(s_program);

        (await InferenceNode.ReadAsync(await node.AskAsync('O')))["choices"]![0]!["message"]!["content"]!.GetValue<string>().ShouldBe("Hello there");

        await Eventually.IsSoAsync(() => node.Said.Count >= 60);
        node.Said.Count.ShouldBe(60);
        node.Said[^1].ShouldContain("The model stoa/program@1.0.0 says: It is said so.");
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "other file", "has the digest" },
        { "torn", "is no WebAssembly that runs here" },
        { "not WASI", "WASI preview 1" },
        { "no start", "_start" },
        { "traps", "it trapped while it was loaded: unreachable" },
        { "exits", "exit code 9" },
        { "endless", "Raise LoadMs" },
        { "too large", "Raise MemoryBytes" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task Program_ThatCannotBeServed_SaysWhatToDo_AndTheNodeStaysUp(string fault, string reason)
    {
        var program = fault switch
        {
            "torn" => s_program[..400],
            "not WASI" => ScriptedModel.Binary(more: """(import "stoa" "request" (func (param i32 i32) (result i32)))"""),
            "no start" => Stoa.Wasm.Text.ModuleText.ToBinary("(module (memory 1))"),
            "traps" => ScriptedModel.Binary("unreachable"),
            "exits" => ScriptedModel.Binary("(call $exit (i32.const 9))"),
            "endless" => ScriptedModel.Binary("(loop $again (br $again))"),
            _ => s_program,
        };
        await using var node = await ProgramNode.StartUnlistedAsync(
            program, "--Inference:Local:0:LoadMs", fault == "endless" ? "200" : "60000", "--Inference:Local:0:MemoryBytes", fault == "too large" ? "65536" : "16777216");
        await node.PublishAsync(fault == "other file" ? [.. program, 0] : program);

        await Eventually.IsSoAsync(async () => (await node.LocalAsync())?["reason"]?.GetValue<string>().Contains(reason, StringComparison.Ordinal) is true);

        (await node.LocalAsync())!["state"]!.GetValue<string>().ShouldBe("refused");
        using var answer = await node.AskAsync('W');
        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Agent_AsksAProgram_FromTheOnlyThreadForTasks()
    {
        await using var node = await ProgramNode.StartAsync(s_program, "--Tasks:Workers", "1");
        var manifest = new AgentManifestBody(
            "asker", "1.0.0", "A program of the tests.", ["test.asks"], "asker.wasm", new AgentPortBody("text/plain"), new AgentPortBody("text/plain"),
            new AgentLimitsBody(100_000_000, 16 << 20, 120_000, 100_000, 4_096), new AgentPriceBody("0.00001", "0", "0"), Asks: [new AgentAskBody(8, "0.01", Listing: "stoa/program")]);
        var agent = await node.All.Node.Client.PublishAgentAsync(
            JsonSerializer.SerializeToUtf8Bytes(manifest, StoaJson.Default.AgentManifestBody), new MemoryStream(CallPrograms.Asker()), cancellationToken: Stop);

        var task = await node.All.Node.RunAsync(agent.Listing, """{"model":"stoa/program","max_tokens":50,"messages":[{"role":"user","content":"#W"}]}""");

        task.State.ShouldBe("succeeded", task.Failure?.Detail);
        (await node.All.Node.ResultAsync(task)).ShouldContain("Hello there");
        task.Result!.Models.ShouldNotBeNull().ShouldHaveSingleItem().Price.ShouldBe("0.000011000");
    }

    private static string[] Patient => ["--Inference:Local:0:Slots", "1", "--Inference:IdleMs", "3600000", "--Inference:MaxAnswerMs", "3600000"];

    private static async Task<Id<User>> AccountOfAsync(ProgramNode node) => Id<User>.Parse((await node.All.Node.Client.GetMeAsync(Stop)).Id);

    /// <summary>Asks for more than two hundred kilobytes, of which nothing is taken.</summary>
    private static async Task<Task> AskUntakenAsync(ProgramNode node, char what, UntakenAnswer answer)
    {
        InferenceRequest.TryRead(InferenceKind.Chat, JsonSerializer.SerializeToUtf8Bytes(node.All.Chat(ProgramNode.Model, stream: true, maxTokens: 4_000, content: $"#{what}")), out var request, out _).ShouldBeTrue();
        var asked = node.All.Node.Host.Services.GetRequiredService<InferenceGateway>().AnswerAsync(new InferenceCall(await AccountOfAsync(node), new FreePayer()), request!, answer);
        await answer.Begun.WaitAsync(TimeSpan.FromMinutes(2), Stop);
        return asked;
    }

    /// <summary>Pays for what costs nothing.</summary>
    private sealed class FreePayer : IInferencePayer
    {
        public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken) => new(Reservation.OfNothing());
    }

    /// <summary>Goes to somebody who takes nothing until the test says so.</summary>
    private sealed class UntakenAnswer : IAnswer, IDisposable
    {
        private readonly ArrayBufferWriter<byte> _written = new();
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly CancellationTokenSource _gone = new();

        public Task Begun => _begun.Task;

        public ReadOnlyMemory<byte> Written => _written.WrittenMemory;

        public CancellationToken Gone => _gone.Token;

        public IBufferWriter<byte> Writer => _written;

        public void Take() => _taken.TrySetResult();

        public void Check(ReadOnlySpan<byte> whole)
        {
        }

        public void CheckWritten()
        {
        }

        public void Begin(in AnswerHead head) => _begun.TrySetResult();

        public ValueTask FlushAsync() => new(_taken.Task);

        public ValueTask EndAsync(Money cost) => ValueTask.CompletedTask;

        public void Abort()
        {
        }

        public Task RefuseAsync(OpenAiError error) => throw new InvalidOperationException(error.Message);

        public void Dispose() => _gone.Dispose();
    }
}
