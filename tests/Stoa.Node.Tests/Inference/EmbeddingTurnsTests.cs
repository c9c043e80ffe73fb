using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Stoa.Market;
using Stoa.Market.Inference;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Inference.Routing;
using Stoa.Market.Registry;
using Stoa.Node.Inference;
using Stoa.Node.Inference.Gateway;
using Stoa.Node.Inference.Programs;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Inference;

/// <summary>Whose turn it is of those that ask for vectors, one step after the other.</summary>
public sealed class EmbeddingTurnsTests : IAsyncDisposable
{
    private static readonly ReplicaModel s_model = new(ListingName.Parse("acme/vectors@1.0.0"), null, ["embeddings"], 8_192, null);

    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly EmbeddingServer _vectors = new();
    private readonly ModelServer _server;
    private readonly ModelFleet _fleet = new(s_model, new ReplicaChooser(new PrefixIndex(1_024, 600), new Random(1)), new WaitingLimits(100, 100), TimeProvider.System);
    private readonly List<IDisposable> _disposed = [];

    public EmbeddingTurnsTests()
    {
        _server = ModelServer.Start(_vectors.AnswerAsync);
        Serve(1);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        _vectors.GoOn();
        foreach (var one in _disposed)
            one.Dispose();
        await _server.DisposeAsync();
        await _services.DisposeAsync();
    }

    [Fact]
    public async Task Request_WithNobodyBefore_GoesAtOnce_AndSoDoesOneThatWaitedByItself()
    {
        var batches = Batches();
        var first = Take(batches, "text 0");
        first.IsCompletedSuccessfully.ShouldBeTrue();
        var second = Take(batches, "text 1");
        second.IsCompleted.ShouldBeFalse();

        (await first).Dispose();

        IsByItself(await second.WaitAsync(Stop));
        var third = Take(batches, "text 2");
        third.IsCompleted.ShouldBeFalse();
        (await second).Dispose();
        (await third.WaitAsync(Stop)).Dispose();
        // As at the beginning.
        Take(batches, "text 3").IsCompletedSuccessfully.ShouldBeTrue();
        _server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Requests_ThatHaveWaited_GoAsOne_WhenTheOneBeforeHasEnded()
    {
        var batches = Batches();
        var first = await Take(batches, "text 0");
        var others = new[] { Take(batches, "text 1"), Take(batches, "[\"text 2\",\"text 3\"]"), Take(batches, "text 4") };
        _server.Requests.ShouldBeEmpty();

        first.Dispose();

        var shares = await Task.WhenAll(others).WaitAsync(Stop);
        shares.Select(turn => (turn.Share!.First, turn.Share.Count, turn.Share.Used)).ShouldBe(
            [(0, 1, new TokenUsage(3, 0)), (1, 2, new TokenUsage(6, 0)), (3, 1, new TokenUsage(3, 0))]);
        EmbeddingServer.SizesOf(_server).ShouldBe("4");
    }

    [Fact]
    public async Task Requests_WithOtherTraits_OrOfASession_WaitForNobody()
    {
        var batches = Batches();
        (await Take(batches, "text 0")).Share.ShouldBeNull();

        Take(batches, "[1,2]").IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, "text 1", ""","dimensions":2""").IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, "text 1", ""","truncate":true""").IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, "text 1", call: new InferenceCall(default, new NoPayer()) { Session = "s" }).IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, "text 1", call: new InferenceCall(default, new NoPayer()) { Hedge = TimeSpan.Zero }).IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, "text 1", call: new InferenceCall(default, new NoPayer()) { Region = "eu" }).IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, $"[{string.Join(',', Enumerable.Repeat("\"a\"", 65))}]").IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, new string('x', 1 << 20)).IsCompletedSuccessfully.ShouldBeTrue();
        Take(batches, "text 1").IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task Requests_AreAsManyUnderWay_AsThereAreReplicas()
    {
        Serve(2);
        var batches = Batches();

        (await Take(batches, "text 0")).Share.ShouldBeNull();
        (await Take(batches, "text 1")).Share.ShouldBeNull();

        Take(batches, "text 2").IsCompleted.ShouldBeFalse();
    }

    [Fact]
    public async Task Request_ThatHasNoRoomInABatch_SendsItOff_AndWaitsForTheNext()
    {
        var batches = Batches(new InferenceOptions { EmbeddingBatch = 3 });
        var first = await Take(batches, "text 0");
        var others = new[] { Take(batches, "text 1"), Take(batches, "text 2") };

        var last = Take(batches, "[\"text 3\",\"text 4\"]");

        (await Task.WhenAll(others).WaitAsync(Stop)).ShouldAllBe(turn => turn.Share != null);
        last.IsCompleted.ShouldBeFalse();
        first.Dispose();
        IsByItself(await last.WaitAsync(Stop));
        EmbeddingServer.SizesOf(_server).ShouldBe("2");
    }

    [Fact]
    public async Task Request_WaitsForOthers_NoLongerThanForAReplica()
    {
        var batches = Batches(new InferenceOptions { QueueMs = 20 });
        var first = await Take(batches, "text 0");

        IsByItself(await Take(batches, "text 1").WaitAsync(Stop));

        // It is not asked a second time.
        first.Dispose();
        Take(batches, "text 2").IsCompletedSuccessfully.ShouldBeTrue();
        _server.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Client_ThatGoesAway_BeforeItsTurn_IsNotAskedFor()
    {
        var batches = Batches();
        var first = await Take(batches, "text 0");
        using var gone = new CancellationTokenSource();
        var leaving = TakeUntil(batches, "text 1", "", null, gone.Token);
        var others = new[] { Take(batches, "text 2"), Take(batches, "text 3") };

        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => leaving);
        first.Dispose();

        (await Task.WhenAll(others).WaitAsync(Stop)).ShouldAllBe(turn => turn.Share != null);
        EmbeddingServer.TextsOf(_server.Requests.Single()).ShouldBe(["text 2", "text 3"]);
    }

    [Fact]
    public async Task Client_ThatGoesAway_WhileItIsAsked_TakesNothingFromOthers()
    {
        var batches = Batches();
        var first = await Take(batches, "text 0");
        using var gone = new CancellationTokenSource();
        var leaving = TakeUntil(batches, "hold 1", "", null, gone.Token);
        var staying = Take(batches, "text 2");
        first.Dispose();
        await Eventually.IsSoAsync(() => _server.Requests.Count == 1);

        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => leaving);
        _vectors.GoOn();

        var share = (await staying.WaitAsync(Stop)).Share.ShouldNotBeNull();
        (share.First, share.Count, share.Used).ShouldBe((1, 1, new TokenUsage(3, 0)));
    }

    [Fact]
    public async Task Batch_ThatNobodyWaitsForAnyMore_IsGivenUp_AndOthersGoOn()
    {
        _vectors.Instead = async (call, texts) =>
        {
            if (texts.Count != 2)
                return false;
            await call.HangAsync();
            return true;
        };
        var batches = Batches();
        var first = await Take(batches, "text 0");
        using var gone = new CancellationTokenSource();
        var leaving = new[] { TakeUntil(batches, "text 1", "", null, gone.Token), TakeUntil(batches, "text 2", "", null, gone.Token) };
        first.Dispose();
        await Eventually.IsSoAsync(() => _server.Requests.Count == 1);
        var next = Take(batches, "text 3");

        await gone.CancelAsync();

        foreach (var one in leaving)
            await Should.ThrowAsync<OperationCanceledException>(() => one);
        await Eventually.IsSoAsync(() => _server.GivenUp == 1);
        IsByItself(await next.WaitAsync(Stop));
    }

    [Fact]
    public async Task Batch_ThatIsRefused_SaysSoToEach_AndNoMore()
    {
        _vectors.Instead = async (call, _) =>
        {
            await call.ErrorAsync(400, "Too many");
            return true;
        };
        var batches = Batches();
        var first = await Take(batches, "text 0");
        var others = new[] { Take(batches, "text 1"), Take(batches, "text 2") };

        first.Dispose();

        var turns = await Task.WhenAll(others).WaitAsync(Stop);
        turns.ShouldAllBe(turn => turn.Share == null && turn.Refusal == null && turn.Failure!.Failure.Kind == UpstreamFailureKind.Refused);
        IsByItself(await Take(batches, "text 3").WaitAsync(Stop));
    }

    [Fact]
    public async Task Batch_ThatNobodyServes_IsRefused()
    {
        var batches = Batches();
        var first = await Take(batches, "text 0");
        var others = new[] { Take(batches, "text 1"), Take(batches, "text 2") };
        _fleet.Become([]);

        first.Dispose();

        (await Task.WhenAll(others).WaitAsync(Stop)).ShouldAllBe(turn => turn.Refusal!.Code == RoutingRefusal.NoReplica);
    }

    [Fact]
    public async Task Requests_OfManyThreads_AreEachAnsweredOnce()
    {
        var batches = Batches(new InferenceOptions { EmbeddingBatch = 5 });
        var goesAlone = 0;
        var numbers = await Task.WhenAll(Enumerable.Range(0, 400).Select(number => Task.Run(
            async () =>
            {
                using var turn = await Take(batches, $"text {number}");
                if (turn.Share is not { } share)
                {
                    IsByItself(turn);
                    Interlocked.Increment(ref goesAlone);
                    await Task.Yield();
                    return number;
                }

                var output = new System.Buffers.ArrayBufferWriter<byte>();
                share.Vectors.Write(output, share.First, share.Count, JsonEncodedText.Encode("m"), share.Used, Money.Zero);
                using var json = JsonDocument.Parse(output.WrittenMemory);
                return (int)json.RootElement.GetProperty("data")[0].GetProperty("embedding")[0].GetDouble();
            },
            Stop)));

        numbers.ShouldBe(Enumerable.Range(0, 400));
        (goesAlone + _server.Requests.Sum(request => EmbeddingServer.TextsOf(request).Count)).ShouldBe(400);
        // Nobody is left whom others would wait for.
        IsByItself(await Take(batches, "text 3").WaitAsync(Stop));
    }

    private static void IsByItself(BatchTurn turn) => (turn.Share, turn.Refusal, turn.Failure).ShouldBe((null, null, null));

    private Task<BatchTurn> Take(EmbeddingBatches batches, string input, string members = "", InferenceCall? call = null) => TakeUntil(batches, input, members, call, CancellationToken.None);

    private Task<BatchTurn> TakeUntil(EmbeddingBatches batches, string input, string members, InferenceCall? call, CancellationToken gone)
    {
        var json = $$"""{"model":"acme/vectors","input":{{(input.StartsWith('[') ? input : JsonSerializer.Serialize(input))}}{{members}}}""";
        InferenceRequest.TryRead(InferenceKind.Embedding, Encoding.UTF8.GetBytes(json), out var request, out var fault).ShouldBeTrue(fault?.Reason);
        return batches.TakeTurnAsync(call ?? new InferenceCall(default, new NoPayer()), request!, _fleet, gone).AsTask();
    }

    private void Serve(int replicas) => _fleet.Become(
        [.. Enumerable.Range(1, replicas).Select(number => new ReplicaState(
            new Replica(new Id<Replica>(new Guid(number, 0, 0, new byte[8])), s_model, new Uri(_server.Address), "tiny", null, 1, 64, null, IsDraining: false, DateTimeOffset.UnixEpoch), (ushort)number, 0))]);

    private EmbeddingBatches Batches(InferenceOptions? options = null)
    {
        options ??= new InferenceOptions { QueueMs = 600_000 };
        var upstreams = new Upstreams(options, new ModelPrograms());
        var telemetry = new InferenceTelemetry(_services.GetRequiredService<IMeterFactory>());
        _disposed.AddRange([upstreams, telemetry]);
        return new EmbeddingBatches(upstreams, options, telemetry, NullLogger.Instance);
    }

    /// <summary>Nobody pays: what a batch costs is each request's own.</summary>
    private sealed class NoPayer : IInferencePayer
    {
        public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("A batch reserves nothing.");
    }
}
