using Stoa.Market.Registry.Replication;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Replication;

public sealed class ReconciliationTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 0, 0, ReconciliationWay.Sketch)]
    [InlineData(500, 0, 0, ReconciliationWay.Sketch)]
    [InlineData(500, 3, 2, ReconciliationWay.Sketch)]
    [InlineData(1_000, 30, 31, ReconciliationWay.Sketch)]
    [InlineData(2_000, 300, 300, ReconciliationWay.Sketch)]
    [InlineData(2_000, 700, 500, ReconciliationWay.Sketch)]
    [InlineData(0, 900, 0, ReconciliationWay.Sketch)]
    [InlineData(0, 0, 900, ReconciliationWay.Sketch)]
    [InlineData(1_000, 9_000, 8_000, ReconciliationWay.Ranges)]
    [InlineData(3_000, 7_000, 100, ReconciliationWay.Ranges)]
    public async Task Sides_WhateverTheyHave_HaveTheSameAfterwards(int common, int theirs, int ours, ReconciliationWay way)
    {
        var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
        Fill(asking, ("common", common), ("ours", ours));
        Fill(answering, ("common", common), ("theirs", theirs));

        var (report, _) = await SyncAsync(asking, answering, seed: 1);

        report.Way.ShouldBe(way);
        (report.Intake.Taken, report.Given, report.Missing, report.IsComplete).ShouldBe((theirs, ours, 0, true));
        asking.All.ShouldBe(answering.All);
        asking.Batches.ShouldAllBe(size => size <= ReplicationLimits.MaxStatementsAtOnce);
    }

    [Theory]
    [InlineData(6, 7)]
    [InlineData(60, 50)]
    [InlineData(120, 130)]
    public async Task ADifference_IsMostlyKnownAfterOneRoundTrip(int ours, int theirs)
    {
        var known = 0;
        for (var seed = 0; seed < 20; seed++)
        {
            var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
            Fill(asking, ("common", 1_000), ($"ours {seed}", ours));
            Fill(answering, ("common", 1_000), ($"theirs {seed}", theirs));
            var asked = new List<ReplicationMessage>();
            var (there, back) = MemoryChannel.Pair(asked: message =>
            {
                asked.Add(message);
                return message;
            });

            var report = await RunAsync(asking, answering, there, back, 1);

            (report.Theirs, report.Ours).ShouldBe((theirs, ours));
            report.Symbols.ShouldBeLessThan(3 * (ours + theirs + 10));
            if (asked[1] is ReplicationMessage.Want)
                known++;
        }

        known.ShouldBeGreaterThanOrEqualTo(18);
    }

    [Fact]
    public async Task ADifference_ThatIsEstimatedTooLow_CostsOneMoreRoundTrip()
    {
        var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
        Fill(asking, ("common", 5_000));
        Fill(answering, ("common", 5_000), ("theirs", 200));
        // As if the sets were the same.
        var (there, back) = MemoryChannel.Pair(
            asked: message => message is ReplicationMessage.Hello hello ? hello with { TugOfWar = answering.Index.TugOfWar } : message);

        var report = await RunAsync(asking, answering, there, back, 1);

        (report.Way, report.Theirs).ShouldBe((ReconciliationWay.Sketch, 200));
        there.Messages.ShouldBeInRange(4, 6);
    }

    [Fact]
    public async Task ANewNode_TakesAllInPages_AndThenComparesNothing()
    {
        var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
        Fill(answering, ("theirs", 3_000));

        var (first, _) = await SyncAsync(asking, answering, seed: 1);
        (first.Way, first.Intake.Taken, first.PageFrom, first.IsComplete).ShouldBe((ReconciliationWay.Pages, 3_000, (UInt128?)null, false));
        asking.All.ShouldBe(answering.All);
        var (second, _) = await SyncAsync(asking, answering, seed: 2);
        (second.Way, second.Theirs, second.Ours, second.IsComplete).ShouldBe((ReconciliationWay.Sketch, 0, 0, true));
    }

    [Fact]
    public async Task Symbols_ThatLeadNowhere_AreGivenUpForRanges()
    {
        // As when somebody has made statements that the other's key cannot tell apart.
        var (asking, answering) = (new MemoryReplica(1), new MemoryReplica(2));
        Fill(asking, ("common", 3_000), ("ours", 40));
        Fill(answering, ("common", 3_000), ("theirs", 60));
        var (there, back) = MemoryChannel.Pair(message => message is ReplicationMessage.Symbols symbols
            ? symbols with { Coded = [.. symbols.Coded.Select(symbol => symbol with { Check = symbol.Check ^ 1 })] }
            : message);

        var report = await RunAsync(asking, answering, there, back, 1);

        report.Way.ShouldBe(ReconciliationWay.Ranges);
        report.Symbols.ShouldBeLessThan(1_000);
        (report.Theirs, report.Ours).ShouldBe((60, 40));
        asking.All.ShouldBe(answering.All);
    }

    [Fact]
    public async Task WhatIsRefused_IsNotAskedForAgain_NorTakenWhenOffered()
    {
        var asking = new MemoryReplica(1) { Refuses = text => text.StartsWith("strange", StringComparison.Ordinal) };
        var answering = new MemoryReplica(2);
        Fill(asking, ("common", 200));
        Fill(answering, ("common", 200), ("strange", 30), ("theirs", 10));

        var (first, _) = await SyncAsync(asking, answering, seed: 1);
        (first.Intake.Taken, first.Intake.Refused).ShouldBe((10, 30));
        var (second, _) = await SyncAsync(asking, answering, seed: 2);
        (second.Theirs, second.Intake).ShouldBe((30, default));
        var (offered, _) = await SyncAsync(answering, asking, seed: 3);
        (offered.Ours, offered.Given).ShouldBe((30, 0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Replicas_ThatAreParted_ConvergeOnceTheyMeet(int seed)
    {
        var random = new Random(seed);
        var replicas = Enumerable.Range(0, 6).Select(number => new MemoryReplica(number)).ToList();
        for (var round = 0; round < 40; round++)
        {
            for (var said = 0; said < 20; said++)
                replicas[random.Next(replicas.Count)].Add($"key {random.Next(150)}", round);
            // Two halves that do not hear of each other.
            var (one, other) = (random.Next(3), random.Next(3));
            if (one == other)
                continue;
            var half = random.Next(2) * 3;
            await SyncAsync(replicas[half + one], replicas[half + other], random.Next());
        }

        replicas[0].All.ShouldNotBe(replicas[5].All);
        for (var round = 0; round < 2; round++)
        {
            for (var number = 0; number < replicas.Count; number++)
                await SyncAsync(replicas[number], replicas[(number + 1) % replicas.Count], random.Next());
        }

        foreach (var replica in replicas)
            replica.All.ShouldBe(replicas[0].All);
        // Nothing is left to say.
        var (last, _) = await SyncAsync(replicas[2], replicas[4], random.Next());
        (last.Theirs, last.Ours).ShouldBe((0, 0));
    }

    [Fact]
    public void Index_UnderTheKeysOfOthers_FollowsAndHasAnEnd()
    {
        var replica = new MemoryReplica(1);
        Fill(replica, ("a", 500));
        for (var key = 0; key < ReplicationLimits.MaxKeptSketches + 5; key++)
            replica.Index.Under(new SipKey((ulong)key, 9));
        replica.Index.KeptSketches.ShouldBe(ReplicationLimits.MaxKeptSketches);
        Fill(replica, ("b", 100), ("c", 3));
        replica.Index.Rekey(new SipKey(8, 8));

        var other = new MemoryReplica(8);
        Fill(other, ("a", 500), ("b", 100), ("c", 3));
        All(replica.Index.Own()).ShouldBe(All(other.Index.Under(new SipKey(8, 8))));
        All(replica.Index.Under(new SipKey(12, 9))).ShouldBe(All(other.Index.Under(new SipKey(12, 9))));

        static CodedSymbol[] All(SketchedSet set) => set.Read(0, set.Length);
    }

    [Fact]
    public void Index_OfFewStatements_TellsAsManySymbolsAsOneOfMany_OfTheMomentThatItWasAsked()
    {
        var (replica, whole) = (new MemoryReplica(1), new Sketch(new SipKey(5, 6), ReplicationLimits.MaxSymbols));
        replica.Index.Rekey(whole.Key);
        for (var number = 1; number <= ReplicationLimits.MaxSymbols + 10; number++)
        {
            var id = ContentHash.Of(BitConverter.GetBytes(number));
            var before = number % 1_500 == 0 || number > ReplicationLimits.MaxSymbols ? replica.Index.Own() : null;
            var expected = before is null ? [] : whole.Read(0, whole.Length);
            replica.Index.Apply([id], []);
            whole.Add(SetItem.Of(id));
            before?.Read(0, before.Length).ShouldBe(expected);
        }

        replica.Index.Own().Read(0, whole.Length).ShouldBe(whole.Read(0, whole.Length));
    }

    internal static void Fill(MemoryReplica replica, params (string Kind, int Count)[] what)
    {
        foreach (var (kind, count) in what)
        {
            for (var number = 0; number < count; number++)
                replica.Add($"{kind} {number}", 1);
        }
    }

    internal static async Task<(ReconciliationReport Asking, ReconciliationReport Answering)> SyncAsync(MemoryReplica asking, MemoryReplica answering, int seed)
    {
        var (there, back) = MemoryChannel.Pair();
        return await MemoryChannel.RunAsync(
            there, new AskingSide(asking, there, new SipKey((ulong)seed, 4), 0).RunAsync(Stop), back, new AnsweringSide(answering, back, new SipKey((ulong)seed, 5)).RunAsync(Stop));
    }

    private static async Task<ReconciliationReport> RunAsync(MemoryReplica asking, MemoryReplica answering, MemoryChannel there, MemoryChannel back, int seed) =>
        (await MemoryChannel.RunAsync(
            there, new AskingSide(asking, there, new SipKey((ulong)seed, 4), 0).RunAsync(Stop), back, new AnsweringSide(answering, back, new SipKey((ulong)seed, 5)).RunAsync(Stop))).Asking;
}
