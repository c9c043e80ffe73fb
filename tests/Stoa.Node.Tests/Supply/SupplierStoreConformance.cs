using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Membership;
using Stoa.Market.Supply;
using Stoa.Market.Tasks;
using Stoa.Node.Identity;
using Stoa.Node.Supply;
using Stoa.Node.Supply.Models;
using Stoa.Node.Tests.Storage;
using Stoa.Node.Tests.Tasks;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Supply;

/// <summary>What every store of suppliers does.</summary>
public abstract class SupplierStoreConformance(DatabaseSource source) : DatabaseTest(source)
{
    private static readonly CellKey s_cell = new(new byte[CellKey.SizeBytes]);
    private readonly PrivateKey _payer = PrivateKey.Generate();
    private readonly PeerId _node = NewNode();
    private readonly Id<Channel> _channel = NewId<Channel>();

    // The middle of a day, so that none ends while a test runs.
    private readonly ManualTime _time = new(new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));

    private SqlSupplierTabs TabsOf(string holder, string block = "0.05") => new(Database, new Cell(LeaseHolder.Parse(holder), null, _time.GetUtcNow()), new SupplyOptions { ModelBlockUsd = block }, _time);

    private SqlSpotChecks Checks => new(Database, Store, new IdSource(_time, Random.Shared), _time);

    private static PurseCounts Nothing => default;

    private SqlSuppliers Store => new(Database, s_cell, new SupplyOptions { MaxSuppliers = 3 }, TimeProvider.System);

    [Fact]
    public async Task Begin_WritesWhatTheVoucherSays_BeforeItIsSigned()
    {
        var supplier = await AddAsync();
        var first = await BeginAsync(supplier, 100);
        var second = await BeginAsync(supplier, 50);

        // Two at once: the second is for both.
        (first.Voucher, second.Voucher).ShouldBe((new Money(100), new Money(150)));
        var voucher = await Store.SignAsync(second, Stop);
        voucher.Envelope.Verify(_payer.PublicKey).ShouldBeTrue();
        VoucherPayload.Read(voucher.Envelope.Payload).ShouldBe(new VoucherPayload(_channel, _node, new Money(150)));

        (await Store.EndAsync(first, NewId<Receipt>(), new Money(40), CallOutcome.Done, Stop)).ShouldBeTrue();
        // 60 of the first are left, so 10 more suffice for 70.
        (await BeginAsync(supplier, 70)).Voucher.ShouldBe(new Money(160));
        var kept = (await Store.FindAsync(supplier.Id, Stop))!;
        (kept.Signed, kept.Spent, kept.Reserved, kept.Credit).ShouldBe((new Money(160), new Money(40), new Money(120), Money.Zero));
    }

    [Fact]
    public async Task Tabs_OfTwoNodes_ArePromisedTogether_AndWrittenAgainChangeNothing()
    {
        var supplier = await AddAsync();
        var (one, other) = (TabsOf("one/1"), TabsOf("other/1"));

        (await one.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop)).ShouldNotBeNull().Signed.ShouldBe(new Money(100));
        (await other.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(50), null, isOver: false, Stop)).ShouldNotBeNull().Signed.ShouldBe(new Money(150));
        // A call draws on the same channel.
        (await BeginAsync(supplier, 10)).Voucher.ShouldBe(new Money(160));

        var counts = new PurseCounts(new Money(30), new Money(5), 4, 1, 0);
        for (var again = 0; again < 2; again++)
            await one.WriteAsync(new TabKey(supplier.Id, 1), counts, new Money(100), "It failed.", isOver: false, Stop);
        var kept = (await Store.FindAsync(supplier.Id, Stop))!;
        (kept.Signed, kept.Spent, kept.Reserved, kept.Doubtful, kept.Standing.Successes, kept.Standing.Failures, kept.Standing.LastFailure)
            .ShouldBe((new Money(160), new Money(30), new Money(130), new Money(5), 4L, 1L, "It failed."));

        // What one gives back the other may be granted, with the same voucher.
        await one.WriteAsync(new TabKey(supplier.Id, 1), counts, new Money(30), null, isOver: true, Stop);
        (await other.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(120), null, isOver: false, Stop))!.Signed.ShouldBe(new Money(160));
        (await other.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(121), null, isOver: false, Stop))!.Signed.ShouldBe(new Money(161));
    }

    [Fact]
    public async Task Tab_ThatIsOver_IsCountedOnce_WhateverIsWrittenAfterwards()
    {
        var supplier = await AddAsync();
        var (tabs, counts) = (TabsOf("one/1"), new PurseCounts(new Money(30), new Money(5), 4, 1, 0));
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop);
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), counts, new Money(100), null, isOver: false, Stop);

        for (var again = 0; again < 2; again++)
            await tabs.WriteAsync(new TabKey(supplier.Id, 1), counts, new Money(30), null, isOver: true, Stop);
        (await tabs.WriteAsync(new TabKey(supplier.Id, 1), counts with { Spent = new Money(40) }, new Money(500), null, isOver: false, Stop)).ShouldBeNull();

        var kept = (await Store.FindAsync(supplier.Id, Stop))!;
        (kept.Spent, kept.Reserved, kept.Doubtful, kept.Signed, kept.Standing.Successes, kept.Standing.Failures)
            .ShouldBe((new Money(30), Money.Zero, new Money(5), new Money(100), 4L, 1L));
        // The next one of the same start counts anew.
        (await tabs.WriteAsync(new TabKey(supplier.Id, 2), new PurseCounts(new Money(7), Money.Zero, 1, 0, 0), new Money(10), null, isOver: false, Stop)).ShouldNotBeNull().Spent.ShouldBe(new Money(37));
    }

    [Fact]
    public async Task Tab_OfANodeThatWasAwayForLong_CountsNothingMore_WhenThatComesBack()
    {
        var supplier = await AddAsync();
        var counts = new PurseCounts(new Money(30), Money.Zero, 1, 0, 0);
        await TabsOf("one/1").WriteAsync(new TabKey(supplier.Id, 1), counts, new Money(100), null, isOver: false, Stop);
        _time.Advance(TimeSpan.FromMinutes(11));
        await TabsOf("other/1").AdoptAsync(isStart: true, Stop);

        (await TabsOf("one/1").WriteAsync(new TabKey(supplier.Id, 1), counts with { Spent = new Money(60) }, new Money(100), null, isOver: false, Stop)).ShouldBeNull();

        var kept = (await Store.FindAsync(supplier.Id, Stop))!;
        (kept.Spent, kept.Reserved, kept.Doubtful).ShouldBe((new Money(30), Money.Zero, new Money(70)));
        // It is forgotten after a week.
        _time.Advance(TimeSpan.FromDays(8));
        await TabsOf("other/1").AdoptAsync(isStart: false, Stop);
        (await Database.ReadAsync(session => session.QuerySingleAsync<long>("SELECT COUNT(*) FROM supplier_tabs"), Stop)).ShouldBe(0);
    }

    [Fact]
    public async Task Doubt_IsLoweredByWhatTheSupplierSaysThatItHasTaken_AndCountsAsSpentWhenItIsAddedAgain()
    {
        var supplier = await AddAsync();
        var tabs = TabsOf("one/1");
        var counts = new PurseCounts(new Money(30), new Money(70), 1, 0, 0);
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop);
        foreach (var isOver in (bool[])[false, true])
            await tabs.WriteAsync(new TabKey(supplier.Id, 1), counts, new Money(100), null, isOver, Stop);

        // In all it needs 52, and of these it has had 30 for sure.
        (await tabs.RaiseAsync(supplier.Id, new Money(52), new Money(40), Stop)).ShouldNotBeNull().Doubtful.ShouldBe(new Money(22));
        (await Store.FindAsync(supplier.Id, Stop))!.Doubtful.ShouldBe(new Money(22));

        await Store.RemoveAsync(supplier.Id, Stop);
        var again = await AddAsync();
        (again.Spent, again.Doubtful, again.Beyond).ShouldBe((new Money(52), Money.Zero, Money.Zero));
    }

    [Fact]
    public async Task Doubt_BeyondTwoBlocks_CountsAsSpent_AsFarAsAnswersMakeUpForIt()
    {
        var supplier = await AddAsync();
        var tabs = TabsOf("one/1", block: "0.000000025");
        var (key, doubtful) = (new TabKey(supplier.Id, 1), new PurseCounts(Money.Zero, new Money(75), 0, 1, 0));
        await tabs.WriteAsync(key, Nothing, new Money(200), null, isOver: false, Stop);
        (await tabs.WriteAsync(key, doubtful, new Money(200), null, isOver: false, Stop))!.Doubtful.ShouldBe(new Money(75));

        // What was paid for what failed makes up for nothing.
        var failed = doubtful with { Spent = new Money(10), Failures = 2 };
        (await tabs.WriteAsync(key, failed, new Money(200), null, isOver: false, Stop))!.Doubtful.ShouldBe(new Money(75));
        var first = failed with { Spent = new Money(20), Successes = 1 };
        foreach (var _ in (bool[])[false, true])
            (await tabs.WriteAsync(key, first, new Money(200), null, isOver: false, Stop))!.Doubtful.ShouldBe(new Money(65));
        var second = first with { Spent = new Money(60), Successes = 2 };
        var kept = (await tabs.WriteAsync(key, second, new Money(200), null, isOver: false, Stop))!;

        // Sixty were spent, and twenty-five of the doubt count beside them.
        (kept.Doubtful, kept.Spent).ShouldBe((new Money(50), new Money(85)));
    }

    [Fact]
    public async Task Tab_OfAStartBefore_IsTakenOverAsWhatMayHaveBeenSpent()
    {
        var supplier = await AddAsync();
        await TabsOf("one/1").WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(new Money(30), Money.Zero, 1, 0, 0), new Money(100), null, isOver: false, Stop);
        await TabsOf("other/1").WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(7), null, isOver: false, Stop);
        await ReopenAsync();

        await TabsOf("one/2").AdoptAsync(isStart: true, Stop);

        // The other node may be alive still: it has signed for it a moment ago.
        var kept = (await Store.FindAsync(supplier.Id, Stop))!;
        (kept.Spent, kept.Reserved, kept.Doubtful).ShouldBe((new Money(30), new Money(7), new Money(70)));
    }

    [Fact]
    public async Task Doubt_OfOneStartAfterAnother_IsNeverMoreThanWasPromised_AndGoesAsThatIsSpent()
    {
        var supplier = await AddAsync();
        for (var start = 1; start <= 5; start++)
        {
            var tabs = TabsOf($"one/{start}");
            await tabs.AdoptAsync(isStart: true, Stop);
            (await tabs.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop)).ShouldNotBeNull().Signed.ShouldBe(new Money(100));
        }

        var last = TabsOf("one/6");
        await last.AdoptAsync(isStart: true, Stop);

        // All five had the same hundred, and no voucher says more.
        (await Store.FindAsync(supplier.Id, Stop))!.Doubtful.ShouldBe(new Money(100));
        await last.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop);
        var spent = new PurseCounts(new Money(90), Money.Zero, 1, 0, 0);
        var kept = (await last.WriteAsync(new TabKey(supplier.Id, 1), spent, new Money(190), null, isOver: false, Stop)).ShouldNotBeNull();
        // It has taken the ninety out of the hundred, and can have taken ten besides.
        (kept.Doubtful, kept.Signed).ShouldBe((new Money(10), new Money(190)));
    }

    [Fact]
    public async Task Raise_ForRequests_IsForAsMuchAsBooksMayDiffer()
    {
        var supplier = await AddAsync();
        var tabs = TabsOf("one/1");
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop);
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(new Money(30), new Money(5), 1, 0, 0), new Money(100), null, isOver: false, Stop);

        // 100 are spent and granted; 40 more may be, and 5 that nobody knows.
        (await tabs.RaiseAsync(supplier.Id, new Money(146), new Money(40), Stop)).ShouldBeNull();
        (await tabs.RaiseAsync(supplier.Id, new Money(140), new Money(40), Stop)).ShouldNotBeNull().Signed.ShouldBe(new Money(140));
        (await tabs.RaiseAsync(supplier.Id, new Money(146), new Money(40), Stop)).ShouldBeNull();
        // From then on what is granted is promised beyond that.
        (await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(new Money(30), new Money(5), 1, 0, 0), new Money(110), null, isOver: false, Stop))!.Signed.ShouldBe(new Money(150));
        (await Store.FindAsync(supplier.Id, Stop))!.Beyond.ShouldBe(new Money(40));
    }

    [Fact]
    public async Task Lie_BarsTheSupplier_ForLongerEachTime_AndForAllNodes()
    {
        var supplier = await AddAsync();
        var tabs = TabsOf("one/1");

        await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(Money.Zero, Money.Zero, 0, 0, 1), Money.Zero, "It lied.", isOver: false, Stop);
        (await Store.FindAsync(supplier.Id, Stop))!.BarredUntil.ShouldBe(_time.GetUtcNow().AddMinutes(1));
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(Money.Zero, Money.Zero, 0, 0, 2), Money.Zero, "It lied.", isOver: false, Stop);
        (await Store.FindAsync(supplier.Id, Stop))!.BarredUntil.ShouldBe(_time.GetUtcNow().AddMinutes(4));
        // Nothing new was said.
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(Money.Zero, Money.Zero, 0, 0, 2), new Money(9), null, isOver: false, Stop);
        (await Store.FindAsync(supplier.Id, Stop))!.BarredUntil.ShouldBe(_time.GetUtcNow().AddMinutes(4));
    }

    [Fact]
    public async Task Tab_AtASupplierThatWasRemoved_IsPromisedNothing_AndItsSpendingIsKept()
    {
        var supplier = await AddAsync();
        var tabs = TabsOf("one/1");
        await tabs.WriteAsync(new TabKey(supplier.Id, 1), Nothing, new Money(100), null, isOver: false, Stop);
        await Store.RemoveAsync(supplier.Id, Stop);

        (await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(new Money(20), Money.Zero, 1, 0, 0), new Money(500), null, isOver: false, Stop)).ShouldBeNull();
        (await tabs.WriteAsync(new TabKey(supplier.Id, 1), new PurseCounts(new Money(20), Money.Zero, 1, 0, 0), new Money(20), null, isOver: true, Stop)).ShouldBeNull();

        var again = await AddAsync();
        (again.Signed, again.Spent, again.Reserved).ShouldBe((new Money(100), new Money(20), Money.Zero));
    }

    [Fact]
    public async Task Call_IsTakenUpAgainAfterARestart_WithTheSameKeyAndVoucher()
    {
        var call = await BeginAsync(await AddAsync(), 100);
        await ReopenAsync();

        var again = (await Store.FindCallAsync(call.Task, Stop)).ShouldNotBeNull();
        (again.Key, again.Voucher, again.Amount, again.State).ShouldBe((call.Key, call.Voucher, call.Amount, CallOutcome.Open));
        (again.TimeoutMs, again.Agent).ShouldBe((10_000, "worker"));
        (await Store.FindCallAsync(NewId<AgentTask>(), Stop)).ShouldBeNull();

        // Done, and the end of the task was not written: it is had again, and counted once.
        var receipt = NewId<Receipt>();
        (await Store.EndAsync(again, receipt, new Money(30), CallOutcome.Done, Stop)).ShouldBeTrue();
        var done = (await Store.FindCallAsync(call.Task, Stop)).ShouldNotBeNull();
        (done.State, done.Key).ShouldBe((CallOutcome.Done, call.Key));
        (await Store.EndAsync(done, receipt, new Money(30), CallOutcome.Done, Stop)).ShouldBeTrue();
        var supplier = (await Store.FindAsync(call.Supplier.Id, Stop))!;
        (supplier.Spent, supplier.Standing.Successes).ShouldBe((new Money(30), 1));
    }

    [Fact]
    public async Task Call_ThatWasDoneAndIsOfNoUse_IsPaidFor_AndIsADecline()
    {
        var call = await BeginAsync(await AddAsync(), 100);

        (await Store.EndAsync(call, NewId<Receipt>(), new Money(30), CallOutcome.Declined, Stop)).ShouldBeTrue();

        var supplier = (await Store.FindAsync(call.Supplier.Id, Stop))!;
        (supplier.Spent, supplier.Reserved, supplier.Standing.Successes, supplier.Standing.Declines).ShouldBe((new Money(30), Money.Zero, 0, 1));
        (await Store.FindCallAsync(call.Task, Stop)).ShouldBeNull();
        (await Store.ListTriedAsync(call.Task, Stop)).ShouldBe([KeyValuePair.Create(supplier.Id, CallOutcome.Declined)]);
    }

    [Fact]
    public async Task Receipt_OfAnotherTask_IsNotTakenAgain()
    {
        var supplier = await AddAsync();
        var (first, second) = (await BeginAsync(supplier, 10), await BeginAsync(supplier, 10));
        var receipt = NewId<Receipt>();

        (await Store.EndAsync(first, receipt, new Money(10), CallOutcome.Done, Stop)).ShouldBeTrue();
        (await Store.EndAsync(second, receipt, new Money(10), CallOutcome.Done, Stop)).ShouldBeFalse();
        (await Store.FindAsync(supplier.Id, Stop))!.Spent.ShouldBe(new Money(10));
    }

    [Fact]
    public async Task Raise_IsForAsMuchAsTheCallCanCost_AndOnce()
    {
        var call = await BeginAsync(await AddAsync(), 100);

        (await Store.RaiseAsync(call, new Money(201), Stop)).ShouldBeNull();
        var raised = (await Store.RaiseAsync(call, new Money(200), Stop)).ShouldNotBeNull();
        raised.Voucher.ShouldBe(new Money(200));
        (await Store.FindAsync(call.Supplier.Id, Stop))!.Signed.ShouldBe(new Money(200));
        (await Store.RaiseAsync(raised, new Money(210), Stop)).ShouldBeNull();
        (await Store.FindCallAsync(call.Task, Stop))!.Voucher.ShouldBe(new Money(200));
    }

    [Fact]
    public async Task Failures_AreCountedByKind_AndOnce()
    {
        var supplier = await AddAsync();
        foreach (var outcome in new[] { CallOutcome.Failed, CallOutcome.Declined, CallOutcome.Lied })
        {
            var call = await BeginAsync(supplier, 10);
            await Store.FailAsync(call, outcome, $"It {outcome}.", Stop);
            await Store.FailAsync(call, CallOutcome.Failed, "again", Stop);
            (await Store.FindCallAsync(call.Task, Stop)).ShouldBeNull();
            (await Store.ListTriedAsync(call.Task, Stop)).ShouldBe([KeyValuePair.Create(supplier.Id, outcome)]);
        }

        var kept = (await Store.FindAsync(supplier.Id, Stop))!;
        (kept.Standing.Failures, kept.Standing.Declines, kept.Standing.Lies, kept.Standing.LastFailure, kept.Reserved).ShouldBe((1, 1, 1, "It Lied.", Money.Zero));
        // The second call needed no more than the first had left.
        kept.Signed.ShouldBe(new Money(10));
    }

    [Fact]
    public async Task Removed_AndAddedAgain_GoesOnFromWhatWasSigned()
    {
        var supplier = await AddAsync();
        var call = await BeginAsync(supplier, 100);
        (await Store.AddAsync(NewId<Supplier>(), _node, new Uri("http://127.0.0.1:2"), NewId<Channel>(), _payer, Money.Zero, Stop)).Refusal!.Code.ShouldBe(SupplierRefusal.SupplierExists);

        (await Store.RemoveAsync(supplier.Id, Stop)).ShouldBeTrue();
        (await Store.RemoveAsync(supplier.Id, Stop)).ShouldBeFalse();
        (await Store.ListAsync(new PageRequest(10), Stop)).Items.ShouldBeEmpty();
        await Should.ThrowAsync<IOException>(() => Store.SignAsync(call, Stop));
        (await Store.BeginAsync(NewId<AgentTask>(), supplier.Id, Terms(1), most: null, Stop)).ShouldBeNull();

        var again = await AddAsync(signed: 5);
        (again.Id, again.Signed).ShouldBe((supplier.Id, new Money(100)));
        (await Store.SignAsync(call, Stop)).Envelope.Verify(_payer.PublicKey).ShouldBeTrue();
    }

    [Fact]
    public async Task Add_AtMoreNodesThanThereMayBe_IsRefused()
    {
        for (var number = 0; number < 3; number++)
            (await Store.AddAsync(NewId<Supplier>(), NewNode(), new Uri("http://127.0.0.1:1"), NewId<Channel>(), _payer, Money.Zero, Stop)).Refusal.ShouldBeNull();

        (await Store.AddAsync(NewId<Supplier>(), _node, new Uri("http://127.0.0.1:1"), _channel, _payer, Money.Zero, Stop)).Refusal!.Code.ShouldBe(SupplierRefusal.SupplierInvalid);
        var page = await Store.ListAsync(new PageRequest(2), Stop);
        (page.Items.Count, (await Store.ListAsync(new PageRequest(2, page.NextCursor), Stop)).Items.Count).ShouldBe((2, 1));
    }

    [Fact]
    public async Task Calls_OfOneTaskTogether_CostNoMoreThanIsAllowed()
    {
        var supplier = await AddAsync();
        var task = NewId<AgentTask>();
        var first = (await Store.BeginAsync(task, supplier.Id, Terms(60), new Money(100), Stop)).ShouldNotBeNull();
        (await Store.BeginAsync(task, supplier.Id, Terms(41), new Money(100), Stop)).ShouldBeNull();
        (await Store.BeginAsync(task, supplier.Id, Terms(40), new Money(100), Stop)).ShouldNotBeNull();
        (await Store.ListCallsAsync(task, Stop)).Select(call => (call.Number, call.Amount)).ShouldBe([(1, new Money(60)), (2, new Money(40))]);

        // What came to nothing leaves room for another one.
        await Store.FailAsync(first, CallOutcome.Failed, "It is away.", Stop);
        (await Store.BeginAsync(task, supplier.Id, Terms(60), new Money(100), Stop)).ShouldNotBeNull();
        (await Store.ListCallsAsync(task, Stop)).Select(call => call.Number).ShouldBe([2, 3]);
    }

    [Fact]
    public async Task SpotCheck_IsNotedOnce_AndOneNodesAtATime()
    {
        var supplier = await AddAsync();
        var task = NewId<AgentTask>();
        await Checks.AddAsync(task, supplier.Id, Stop);
        await Checks.AddAsync(task, supplier.Id, Stop);

        var check = (await Checks.ClaimAsync(Stop)).ShouldNotBeNull();
        (check.Task, check.Supplier).ShouldBe((task, supplier.Id));
        (await Checks.ClaimAsync(Stop)).ShouldBeNull();
        await Checks.PutOffAsync(check, TimeSpan.Zero, Stop);
        (await Checks.ClaimAsync(Stop)).ShouldBe(check);

        (await Checks.EndAsync(check, SpotCheckOutcome.Contradicted, null, "It lied.", Stop)).ShouldBeTrue();
        (await Checks.EndAsync(check, SpotCheckOutcome.Contradicted, null, "It lied.", Stop)).ShouldBeFalse();
        var standing = (await Store.FindAsync(supplier.Id, Stop))!.Standing;
        (standing.Checks, standing.Lies, standing.LastFailure).ShouldBe((1, 1, "It lied."));
        (await Checks.FindOutcomeAsync(task, Stop)).ShouldBe(SpotCheckOutcome.Contradicted);
    }

    [Theory]
    [InlineData(SpotCheckOutcome.Confirmed, 1, 0, 0, 0, 0)]
    [InlineData(SpotCheckOutcome.OtherContradicted, 1, 0, 0, 1, 0)]
    [InlineData(SpotCheckOutcome.Undecided, 1, 0, 1, 0, 1)]
    [InlineData(SpotCheckOutcome.Skipped, 0, 0, 0, 0, 0)]
    public async Task SpotCheck_ThatEnds_CountsForWhomItConcerns(SpotCheckOutcome outcome, long checks, long lies, long disagreements, long otherLies, long otherDisagreements)
    {
        var supplier = await AddAsync();
        var other = (await Store.AddAsync(NewId<Supplier>(), NewNode(), new Uri("http://127.0.0.1:1"), NewId<Channel>(), _payer, Money.Zero, Stop)).Value;
        await Checks.AddAsync(NewId<AgentTask>(), supplier.Id, Stop);

        await Checks.EndAsync((await Checks.ClaimAsync(Stop))!, outcome, other.Id, "It was run again.", Stop);

        var (first, second) = ((await Store.FindAsync(supplier.Id, Stop))!.Standing, (await Store.FindAsync(other.Id, Stop))!.Standing);
        (first.Checks, first.Lies, first.Disagreements, second.Lies, second.Disagreements).ShouldBe((checks, lies, disagreements, otherLies, otherDisagreements));
    }

    [Fact]
    public async Task SpotChecks_PromiseNoMoreThanADayMayCost()
    {
        var supplier = await AddAsync();
        await Checks.AddAsync(NewId<AgentTask>(), supplier.Id, Stop);
        var check = (await Checks.ClaimAsync(Stop)).ShouldNotBeNull();
        var most = new Money(100);

        var calls = new List<SupplierCall?>();
        foreach (var amount in new long[] { 60, 41, 40, 1 })
            calls.Add(await Checks.BeginAsync(check, supplier.Id, Terms(amount), most, Stop));

        calls.Select(call => call?.Amount.Nanodollars).ShouldBe([60, null, 40, null]);
        // A call of a check is under way as that of a task is: what it can cost is reserved.
        (await Store.FindAsync(supplier.Id, Stop))!.Reserved.ShouldBe(new Money(100));
        await ReopenAsync();
        (await Store.ListCallsAsync(check.Id, Stop)).Select(call => call.Key).ShouldBe([calls[0]!.Key, calls[2]!.Key]);
        (await Checks.BeginAsync(check, supplier.Id, Terms(1), most, Stop)).ShouldBeNull();
    }

    [Fact]
    public async Task Measurements_MakeAMean()
    {
        var supplier = await AddAsync();
        await Store.MeasureAsync(supplier, TimeSpan.FromMilliseconds(10), Stop);
        await Store.MeasureAsync((await Store.FindAsync(supplier.Id, Stop))!, TimeSpan.FromMilliseconds(20), Stop);

        (await Store.FindAsync(supplier.Id, Stop))!.Standing.Latency.ShouldBe(TimeSpan.FromMilliseconds(12));
    }

    public override async ValueTask DisposeAsync()
    {
        _payer.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private async Task<Supplier> AddAsync(long signed = 0) =>
        (await Store.AddAsync(NewId<Supplier>(), _node, new Uri("http://127.0.0.1:1"), _channel, _payer, new Money(signed), Stop)).TryGet(out var added, out var refusal)
            ? added
            : throw new InvalidOperationException(refusal.Detail);

    private async Task<SupplierCall> BeginAsync(Supplier supplier, long amount) => (await Store.BeginAsync(NewId<AgentTask>(), supplier.Id, Terms(amount), most: null, Stop)).ShouldNotBeNull();

    private static CallTerms Terms(long amount) => new(new Money(amount), "worker", 10_000);

    private static PeerId NewNode()
    {
        using var key = PrivateKey.Generate();
        return key.PublicKey.PeerId;
    }

    private static Id<T> NewId<T>()
        where T : IIdentified => new(Guid.CreateVersion7());
}

public sealed class SqliteSupplierStoreTests() : SupplierStoreConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresSupplierStoreTests(PostgresCluster cluster) : SupplierStoreConformance(new PostgresSource(cluster));
