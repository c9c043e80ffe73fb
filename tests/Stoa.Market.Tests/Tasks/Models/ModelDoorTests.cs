using System.Text;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Market.Tasks.Models;
using Stoa.Market.Tests.Calls;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Tasks.Models;

public sealed class ModelDoorTests
{
    private readonly SetClock _time = new();
    private readonly CapabilityKey _key = new(new byte[32]);
    private readonly StubModels _models = new();
    private readonly AgentTask _task = TaskSamples.Running(Money.Parse("1"));
    private readonly ModelDoor _door;

    public ModelDoorTests() => _door = new ModelDoor(_key, _models, AgentAsk.MostRequests, _time);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ModelCapability Capability => new(_task.Id, _task.Token, 0, _task.Agent, _task.OwnerId, [new CapableModel("stoa/tiny", Money.Parse("0.5"))], Money.Parse("1"), TaskSamples.Now.AddSeconds(60));

    [Fact]
    public async Task Capability_OfARunningAttempt_OpensTheDoor_OnThePayersName()
    {
        using var attempt = Begin();

        (await AskAsync(_key.Mint(Capability))).Code.ShouldBeNull();

        _models.Payers.ShouldHaveSingleItem().ShouldBe(_task.OwnerId);
    }

    [Fact]
    public async Task Capability_ForAnotherModel_OpensNothing()
    {
        using var attempt = Begin();

        (await AskAsync(_key.Mint(Capability), "stoa/other")).Code.ShouldBe("modelUndeclared");
    }

    [Fact]
    public async Task Request_ThatIsEndedWhenItsAnswerIsPaid_IsStillKnownToBe()
    {
        using var attempt = Begin();
        _models.EndsOncePaid = true;

        var (answer, paid) = await _door.AskAsync(_key.Mint(Capability), Request("stoa/tiny"), 1_000, Token);

        (answer, paid?.Price.Total).ShouldBe((null, StubModels.Price));
    }

    [Fact]
    public async Task Capability_AfterTheDeadline_OpensNothing()
    {
        using var attempt = Begin();
        var token = _key.Mint(Capability);

        _time.Now += TimeSpan.FromSeconds(60);

        (await AskAsync(token)).Code.ShouldBe("expired");
    }

    [Fact]
    public async Task Capability_AfterTheAttempt_OpensNothing()
    {
        var token = _key.Mint(Capability);
        var attempt = Begin();
        (await AskAsync(token)).Code.ShouldBeNull();

        attempt.Dispose();

        (await AskAsync(token)).Code.ShouldBe("attemptOver");
    }

    [Fact]
    public async Task Capability_OfAnotherAttemptOrTask_OpensNothing()
    {
        using var attempt = Begin();

        (await AskAsync(_key.Mint(Capability with { Attempt = _task.Token + 1 }))).Code.ShouldBe("attemptOver");
        (await AskAsync(_key.Mint(Capability with { Task = TaskSamples.Ids.Next<AgentTask>() }))).Code.ShouldBe("attemptOver");
    }

    [Fact]
    public async Task Capability_ThatWasChanged_OrSignedByAnother_OpensNothing()
    {
        using var attempt = Begin();
        var parts = _key.Mint(Capability).Split('.');
        var dearer = _key.Mint(Capability with { Models = [new CapableModel("stoa/tiny", Money.Parse("500"))] }).Split('.');

        foreach (var forged in (string[])[
            $"{dearer[0]}.{parts[1]}", new CapabilityKey([.. Enumerable.Repeat((byte)1, 32)]).Mint(Capability), parts[0], $"{parts[0]}.", $"{parts[0]}.{parts[1]}.{parts[1]}", "", ".", new string('x', 100_000)])
        {
            (await AskAsync(forged)).Code.ShouldBe("notSigned");
        }

        _models.Requests.ShouldBeEmpty();
    }

    [Fact]
    public void Capability_ThatIsReadAgain_IsTheSame()
    {
        var capability = Capability with { Caller = 3, Models = [new CapableModel("auto:chat", Money.Parse("0.25")), new CapableModel("stoa/tiny@^1.0.0", Money.Zero)] };

        var read = _key.Read(_key.Mint(capability), TaskSamples.Now).Value;

        (read with { Models = capability.Models }).ShouldBe(capability);
        read.Models.ShouldBe(capability.Models);
    }

    [Fact]
    public async Task Requests_OfManyAtOnce_ShareOneBudget_AndNeverExceedIt()
    {
        // Two entries of 0.003 and 0.0021 and a whole of 0.0045: each answer costs 0.0003, and is reserved at 0.0006.
        using var attempt = Begin("0.0045");
        var tokens = new[] { (0, "stoa/tiny", "0.003"), (1, "auto", "0.0021") }
            .Select(entry => (Model: entry.Item2, Token: _key.Mint(Capability with { Caller = entry.Item1, Models = [new CapableModel(entry.Item2, Money.Parse(entry.Item3))] }))).ToList();
        var together = new Barrier(8);
        _models.Behaviour = async _ =>
        {
            await Task.Yield();
            return null;
        };

        var paid = await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Factory.StartNew(
            async () =>
            {
                var spent = new List<(int Entry, Money Price)>();
                together.SignalAndWait(Token);
                for (var turn = 0; turn < 40; turn++)
                {
                    var (model, token) = tokens[(worker + turn) % 2];
                    if (await AskPaidAsync(token, model) is { } price)
                        spent.Add(((worker + turn) % 2, price));
                }

                return spent;
            },
            Token, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));

        var all = paid.SelectMany(spent => spent).ToList();
        // What the last of them gave back is there for whoever comes later.
        for (var entry = 0; entry < 2; entry++)
        {
            while (await AskPaidAsync(tokens[entry].Token, tokens[entry].Model) is { } price)
                all.Add((entry, price));
        }

        Sum(all).ShouldBeLessThanOrEqualTo(Money.Parse("0.0045"));
        Sum(all.Where(one => one.Entry == 0)).ShouldBeLessThanOrEqualTo(Money.Parse("0.003"));
        Sum(all.Where(one => one.Entry == 1)).ShouldBeLessThanOrEqualTo(Money.Parse("0.0021"));
        Sum(all).ShouldBeGreaterThanOrEqualTo(Money.Parse("0.0039"), "what was reserved and not used was given back: less than one reservation is left");

        static Money Sum(IEnumerable<(int Entry, Money Price)> spent) => spent.Aggregate(Money.Zero, (sum, one) => sum + one.Price);
    }

    private TaskModels Begin(string budget = "1") => _door.Begin(_task, Money.Parse(budget), TaskSamples.Now.AddSeconds(60))!;

    private static InferenceRequest Request(string model)
    {
        InferenceRequest.TryRead(InferenceKind.Chat, Encoding.UTF8.GetBytes($$"""{"model":"{{model}}","messages":"x","max_tokens":30}"""), out var request, out _).ShouldBeTrue();
        return request!;
    }

    private async Task<ModelAnswer> AskAsync(string token, string model = "stoa/tiny") => (await _door.AskAsync(token, Request(model), 1_000, Token)).Answer!;

    private sealed class SetClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = TaskSamples.Now;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    private async Task<Money?> AskPaidAsync(string token, string model) => (await _door.AskAsync(token, Request(model), 1_000, Token)).Paid?.Price.Total;
}
