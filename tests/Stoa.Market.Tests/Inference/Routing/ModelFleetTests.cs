using Stoa.Market.Inference.Routing;

namespace Stoa.Market.Tests.Inference.Routing;

public sealed class ModelFleetTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly HandTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Request_ForWhichThereIsRoom_HasItAtOnce()
    {
        var fleet = Fleet(1, maxRequests: 1);

        var entered = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop);

        entered.IsCompletedSuccessfully.ShouldBeTrue();
        (await entered).Value.Replica.ShouldBe(fleet.Replicas[0]);
    }

    [Fact]
    public async Task Requests_OfManyAccounts_TakeTurns()
    {
        var fleet = Fleet(1, maxRequests: 1);
        var running = (await fleet.EnterAsync(FleetSamples.Account(9), FleetSamples.Request, [], s_patience, Stop)).Value;
        // One account has asked five times before the two others came.
        int[] accounts = [1, 1, 1, 1, 1, 2, 3, 2];
        var waiting = accounts.Select(account => fleet.EnterAsync(FleetSamples.Account(account), FleetSamples.Request, [], s_patience, Stop).AsTask()).ToList();
        fleet.Waiting.ShouldBe(8);

        var order = new List<int>();
        for (var served = 0; served < accounts.Length; served++)
        {
            fleet.Leave(running, FleetSamples.Served());
            var next = await Task.WhenAny(waiting.Where(task => !order.Contains(waiting.IndexOf(task))));
            (await next).Value.Replica.ShouldBe(running.Replica);
            order.Add(waiting.IndexOf(next));
        }

        order.Select(index => accounts[index]).ShouldBe([1, 2, 3, 1, 2, 1, 1, 1]);
        fleet.Waiting.ShouldBe(0);
    }

    [Fact]
    public async Task Request_ThatWaitsTooLong_IsRefused_AndGivesUpItsPlace()
    {
        var fleet = Fleet(1, maxRequests: 1);
        await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop);
        var waiting = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop).AsTask();

        _time.Advance(30_000);

        (await waiting).Refusal!.Code.ShouldBe(RoutingRefusal.WaitedTooLong);
        fleet.Waiting.ShouldBe(0);
    }

    [Fact]
    public async Task Request_ThatIsGivenUp_GivesUpItsPlace()
    {
        var fleet = Fleet(1, maxRequests: 1);
        var running = (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop)).Value;
        using var cancel = new CancellationTokenSource();
        var waiting = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, cancel.Token).AsTask();

        await cancel.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(waiting);
        fleet.Waiting.ShouldBe(0);
        fleet.Leave(running, FleetSamples.Served());
        running.Replica.OutstandingRequests.ShouldBe(0);
    }

    [Fact]
    public async Task Requests_BeyondWhatMayWait_AreRefused()
    {
        var fleet = Fleet(1, maxRequests: 1, new WaitingLimits(3, 2));
        await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop);
        int[] accounts = [1, 1, 1, 2, 2];

        var entered = accounts.Select(account => fleet.EnterAsync(FleetSamples.Account(account), FleetSamples.Request, [], s_patience, Stop).AsTask()).ToList();

        entered.Select(task => task.IsCompleted).ShouldBe([false, false, true, false, true]);
        (await entered[2]).Refusal!.Code.ShouldBe(RoutingRefusal.TooManyWaiting);
        (await entered[4]).Refusal!.Code.ShouldBe(RoutingRefusal.TooManyWaiting);
    }

    [Fact]
    public async Task Requests_ForWhichNobodyIsLeft_AreToldSo()
    {
        var fleet = Fleet(2, maxRequests: 1);
        (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, fleet.Replicas, s_patience, Stop)).Refusal!.Code.ShouldBe(RoutingRefusal.NoReplica);
        await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop);
        await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop);
        var waiting = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop).AsTask();
        waiting.IsCompleted.ShouldBeFalse();

        fleet.Become([]);

        (await waiting).Refusal!.Code.ShouldBe(RoutingRefusal.NoReplica);
    }

    [Fact]
    public async Task Replicas_ThatAllHaveFailed_AreAskedAllTheSame_AsLongAsTheyAnswer()
    {
        var fleet = Fleet(2, maxRequests: 1);
        foreach (var replica in fleet.Replicas)
            FailThrice(replica, RequestEnd.Failed);
        fleet.Replicas.ShouldAllBe(replica => !replica.IsServing(_time.NowMs));

        var first = (await EnterAsync()).Value;
        var second = (await EnterAsync()).Value;
        first.Replica.ShouldNotBe(second.Replica);
        (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, fleet.Replicas, s_patience, Stop)).Refusal!.Code.ShouldBe(RoutingRefusal.NoReplica);

        // Both are full: it waits for one.
        var third = EnterAsync().AsTask();
        third.IsCompleted.ShouldBeFalse();
        // Who does not answer at all is not asked again for that.
        fleet.Leave(first, RequestEnd.Failed with { IsAway = true });
        third.IsCompleted.ShouldBeFalse();
        fleet.Leave(second, RequestEnd.Failed);
        (await third).Value.Replica.ShouldBe(second.Replica);
        second.Replica.NoteHealth(isWell: false, _time.NowMs);
        (await EnterAsync()).Refusal!.Code.ShouldBe(RoutingRefusal.NoReplica);

        ValueTask<Outcome<ReplicaPlace, RoutingRefusal>> EnterAsync() => fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop);
    }

    [Fact]
    public async Task Replica_ThatHasFailed_IsNotAsked_WhereAnotherServes_OrWhenItWasAway()
    {
        var fleet = Fleet(2, maxRequests: 4);
        FailThrice(fleet.Replicas[0], RequestEnd.Failed);
        for (var request = 0; request < 4; request++)
            (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop)).Value.Replica.ShouldBe(fleet.Replicas[1]);
        // It waits for the one that serves.
        fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop).AsTask().IsCompleted.ShouldBeFalse();

        var gone = Fleet(1, maxRequests: 4);
        FailThrice(gone.Replicas[0], RequestEnd.Failed with { IsAway = true });
        (await gone.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop)).Refusal!.Code.ShouldBe(RoutingRefusal.NoReplica);
    }

    [Fact]
    public void Requests_ThatWaitForOneThatServes_AreNotLookedAt_ForOneThatIsLeftAlone()
    {
        var fleet = Fleet(2, maxRequests: 1);
        FailThrice(fleet.Replicas[0], RequestEnd.Failed);
        fleet.Replicas[1].TryEnter(1, _time.NowMs).ShouldNotBeNull();
        var excluded = new CountingExclusion();
        for (var account = 0; account < 10; account++)
            fleet.EnterAsync(FleetSamples.Account(account), FleetSamples.Request, excluded, s_patience, Stop).AsTask().IsCompleted.ShouldBeFalse();
        excluded.Looks = 0;

        for (var call = 0; call < 10; call++)
            fleet.Serve();

        excluded.Looks.ShouldBe(0);
    }

    [Fact]
    public async Task Request_ThatTheOneThatServesHasFailed_HasOneThatIsLeftAlone_OnceThatHasRoom()
    {
        var fleet = Fleet(2, maxRequests: 1);
        var (alone, serving) = (fleet.Replicas[0], fleet.Replicas[1]);
        FailThrice(alone, RequestEnd.Failed);
        serving.TryEnter(1, _time.NowMs).ShouldNotBeNull();
        var place = alone.TryEnterInNeed(1).ShouldNotBeNull();
        var waiting = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [serving], s_patience, Stop).AsTask();
        waiting.IsCompleted.ShouldBeFalse();

        fleet.Leave(place, RequestEnd.Abandoned);

        (await waiting).Value.Replica.ShouldBe(alone);
    }

    /// <summary>Nobody, and how often it was asked.</summary>
    private sealed class CountingExclusion : IReadOnlyCollection<ReplicaState>, ICollection<ReplicaState>
    {
        public int Looks { get; set; }

        public int Count => 0;

        public bool IsReadOnly => true;

        public bool Contains(ReplicaState item)
        {
            Looks++;
            return false;
        }

        public void CopyTo(ReplicaState[] array, int arrayIndex)
        {
        }

        public IEnumerator<ReplicaState> GetEnumerator() => Enumerable.Empty<ReplicaState>().GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

        public void Add(ReplicaState item) => throw new NotSupportedException();

        public void Clear() => throw new NotSupportedException();

        public bool Remove(ReplicaState item) => throw new NotSupportedException();
    }

    private void FailThrice(ReplicaState replica, RequestEnd end)
    {
        for (var failure = 0; failure < 3; failure++)
            replica.TryEnter(1, _time.NowMs).ShouldNotBeNull().Leave(end, _time.NowMs);
    }

    [Fact]
    public async Task Request_ThatWaitsForOneReplica_KeepsNobodyFromAnother()
    {
        var fleet = Fleet(2, maxRequests: 1);
        var (free, full) = (fleet.Replicas[0], fleet.Replicas[1]);
        var place = full.TryEnter(1, _time.NowMs).ShouldNotBeNull();
        // It has tried the free one, which has refused it.
        var waiting = fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [free], s_patience, Stop).AsTask();
        waiting.IsCompleted.ShouldBeFalse();

        (await fleet.EnterAsync(FleetSamples.Account(2), FleetSamples.Request, [], s_patience, Stop)).Value.Replica.ShouldBe(free);
        fleet.Leave(place, FleetSamples.Served());

        (await waiting).Value.Replica.ShouldBe(full);
    }

    [Fact]
    public async Task WhereNobodyMayWait_WhoFindsNoRoomIsRefused_AndTheRestGoesOn()
    {
        var fleet = Fleet(1, maxRequests: 1, new WaitingLimits(10, 0));
        var running = (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop)).Value;

        (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop)).Refusal!.Code.ShouldBe(RoutingRefusal.TooManyWaiting);
        fleet.Leave(running, FleetSamples.Served());

        (await fleet.EnterAsync(FleetSamples.Account(1), FleetSamples.Request, [], s_patience, Stop)).Value.Replica.ShouldBe(running.Replica);
    }

    private ModelFleet Fleet(int replicas, int maxRequests, WaitingLimits? limits = null)
    {
        var fleet = new ModelFleet(FleetSamples.Model(), FleetSamples.Chooser(), limits ?? new WaitingLimits(100, 100), _time);
        fleet.Become([.. Enumerable.Range(0, replicas).Select(number => new ReplicaState(FleetSamples.Replica(number, maxRequests), (ushort)number, 0))]);
        return fleet;
    }
}
