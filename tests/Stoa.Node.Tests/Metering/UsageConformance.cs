using FsCheck;
using FsCheck.Fluent;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Market.Metering;
using Stoa.Market.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Metering;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>Whatever happens, and whenever it is added up, reports say what a plain sum over all tasks that were charged says: on every database.</summary>
public abstract class UsageConformance(DatabaseSource source) : MeteringTest(source)
{
    private readonly List<Charged> _charged = [];

    private readonly PrivateKey[] _nodes = [PrivateKey.Generate(), PrivateKey.Generate()];

    public override async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            node.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>What is done next: with which consumer, agent and node, at which price, how many hours ago it ended.</summary>
    private sealed record Step(Deed Deed, int Consumer, int Agent, int Node, int Price, int HoursAgo);

    private enum Deed
    {
        Succeed,
        SucceedTwice,
        Fail,
        Cancel,
        Fold,
        FoldAndDie,
        FoldAtTwoNodes,
        Read,
    }

    [Fact]
    public void Reports_OfAnyHistory_AreThePlainSums() =>
        Prop.ForAll(Arb.From(Gen.ListOf(Steps(), 40)), steps => RunAsync(steps).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(8));

    [Fact]
    public async Task Report_WhileManyEndAndOthersAddUp_NeverShowsADifference()
    {
        var tasks = (await Limited.SubmitAllAsync([.. Enumerable.Range(0, 120).Select(i => TaskOf(Agents[i % 4], Price))], Stop)).Select(made => made.Value.Task).ToList();
        var claimed = await Limited.ClaimAsync(Holder, new ClaimRoom(200, 1L << 40, 1L << 40), Now, Stop);
        using var done = new CancellationTokenSource();
        var folding = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(
            async () =>
            {
                while (!done.IsCancellationRequested)
                    await Usage.FoldAsync(Stop);
            },
            Stop)));
        var ended = 0;
        foreach (var part in claimed.Chunk(6))
        {
            await Task.WhenAll(part.Select(task => Limited.EndAttemptAsync(Succeed(task, new Money(1_000), new Usage(1, 1, 1, 1, 1), Now, _nodes[0]), Stop)));
            ended += part.Length;
            var rows = (await Usage.ReportAsync(Query(UsageRole.Consumer, Owner, UsageSpan.Day, UsageGroup.None), new PageRequest(), Stop)).Items;
            rows.ShouldHaveSingleItem().Amounts.ShouldBe(new UsageAmounts(
                ended, ended, ended, ended, ended, new Money(1_000L * ended), new Money(700L * ended), new Money(250L * ended), new Money(50L * ended)));
        }

        await done.CancelAsync();
        await folding;
        (tasks.Count, (await Usage.VerifyAsync(Stop)).FindingCount).ShouldBe((120, 0));
    }

    [Fact]
    public async Task Report_OfATaskThatCalledOthers_TellsEachAgentsPart()
    {
        var (bob, eve) = (Agents[3].PublisherId, Ids.Next<User>());
        await Limited.SubmitAllAsync([TaskOf(Agents[0], Price)], Stop);
        var running = (await Limited.ClaimAsync(Holder, Room, Now, Stop)).Single();
        var whole = Succeed(running, new Money(1_000), new Usage(1, 1, 1, 1, 1), Now, _nodes[0]);
        TaskCall[] calls =
        [
            new(1, null, "bob/upper@1.0.0", bob, new Usage(20, 1, 3, 4, 5), null, new Money(400), new Money(100), new Money(20),
                [new CreatorPart(bob, "bob", "bob/upper@1.0.0", new Money(200)), new CreatorPart(eve, "eve", "bob/upper@1.0.0", new Money(80))]),
            new(2, null, "bob/upper@1.0.0", bob, new Usage(20, 1, 3, 4, 5), "trap", Money.Zero, Money.Zero, Money.Zero, []),
        ];
        var ended = (TaskState.Succeeded)whole.Task.State;
        var payees = new Payees(Accounts.Clearing, Creator, Accounts.Node, Accounts.Platform)
        {
            Royalties = [(await OpenWalletAsync(bob), new Money(200)), (await OpenWalletAsync(eve), new Money(80))],
        };
        (await Limited.EndAttemptAsync(
            whole with
            {
                Task = whole.Task with { State = ended with { Result = ended.Result with { Calls = calls } } },
                Transfers = Settlement.Capture(running, new Shares(new Money(700), new Money(250), new Money(50)), payees, Ids, Now),
            },
            Stop)).ShouldBe(AttemptEndOutcome.Written);

        foreach (var isFolded in (bool[])[false, true])
        {
            (await RowsAsync(UsageRole.Consumer, Owner, UsageGroup.Agent)).ShouldBe([("ann/upper", 1, 1, 600, 420), ("bob/upper", 1, 20, 400, 280)]);
            (await RowsAsync(UsageRole.Creator, bob, UsageGroup.Agent)).ShouldBe([("bob/upper", 1, 20, 400, 200)]);
            (await RowsAsync(UsageRole.Creator, eve, UsageGroup.Agent)).ShouldBe([("bob/upper", 0, 0, 0, 80)]);
            (await RowsAsync(UsageRole.Operator, Owner, UsageGroup.Kind)).ShouldBe([("Call", 1, 20, 400, 280), ("Task", 1, 1, 600, 420)]);
            (await Usage.ReportAsync(Query(UsageRole.Consumer, Owner, UsageSpan.Day, UsageGroup.None), new PageRequest(), Stop)).Items.Select(row => (row.Amounts.Events, row.Calls))
                .ShouldBe([(2L, 1L)], "a task, and a call in it");
            (await Usage.ReportAsync(Query(UsageRole.Operator, Owner, UsageSpan.Day, UsageGroup.Kind), new PageRequest(), Stop)).Items.Select(row => row.Amounts.Node)
                .ShouldBe([new Money(100), new Money(150)]);
            if (!isFolded)
                await FoldAllAsync();
        }

        (await Usage.VerifyAsync(Stop)).FindingCount.ShouldBe(0);

        async Task<IEnumerable<(string, long, long, long, long)>> RowsAsync(UsageRole role, Id<User> user, UsageGroup group) =>
            (await Usage.ReportAsync(Query(role, user, UsageSpan.Day, group), new PageRequest(), Stop)).Items
                .Select(row => (row.Name, row.Amounts.Events, row.Amounts.Fuel, row.Amounts.Paid.Nanodollars, row.Amounts.Creator.Nanodollars));

        async Task<Id<Account>> OpenWalletAsync(Id<User> user) =>
            (await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), user.ToString(), AccountKind.Wallet, Now), Stop)).Id;
    }

    [Fact]
    public async Task Report_OfATaskThatAskedModels_TellsTheirPartByTokens()
    {
        var bob = Agents[3].PublisherId;
        await Limited.SubmitAllAsync([TaskOf(Agents[0], Price)], Stop);
        var running = (await Limited.ClaimAsync(Holder, Room, Now, Stop)).Single();
        var whole = Succeed(running, new Money(1_000), new Usage(1, 1, 1, 1, 1), Now, _nodes[0]);
        TaskModelRequest[] requests =
        [
            new(1, null, "auto", "bob/tiny@1.0.0", bob, 100, 10, null, new Money(400), new Money(100), new Money(20), [new CreatorPart(bob, "bob", "bob/tiny@1.0.0", new Money(280))]),
            new(2, null, "auto", "bob/tiny@1.0.0", bob, 50, 5, null, Money.Zero, Money.Zero, Money.Zero, []),
            new(3, null, "auto", null, null, 0, 0, "replicas_failed", Money.Zero, Money.Zero, Money.Zero, []),
        ];
        var ended = (TaskState.Succeeded)whole.Task.State;
        var wallet = (await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), bob.ToString(), AccountKind.Wallet, Now), Stop)).Id;
        (await Limited.EndAttemptAsync(
            whole with
            {
                Task = whole.Task with { State = ended with { Result = ended.Result with { Models = requests } } },
                Transfers = Settlement.Capture(
                    running, new Shares(new Money(700), new Money(250), new Money(50)), new Payees(Accounts.Clearing, Creator, Accounts.Node, Accounts.Platform) { Royalties = [(wallet, new Money(280))] }, Ids, Now),
            },
            Stop)).ShouldBe(AttemptEndOutcome.Written);

        ((TaskState.Succeeded)(await Limited.GetAsync(running.Id, Stop))!.State).Result.Models!.Select(request => (request.Number, request.Model, request.Price, request.Failure))
            .ShouldBe(requests.Select(request => (request.Number, request.Model, request.Price, request.Failure)));
        foreach (var isFolded in (bool[])[false, true])
        {
            (await RowsAsync(UsageRole.Consumer, Owner)).ShouldBe([("Inference", 2, 2, 150, 15, 400, 280), ("Task", 1, 0, 0, 0, 600, 420)]);
            (await RowsAsync(UsageRole.Creator, bob)).ShouldBe([("Inference", 2, 2, 150, 15, 400, 280)]);
            if (!isFolded)
                await FoldAllAsync();
        }

        (await Usage.VerifyAsync(Stop)).FindingCount.ShouldBe(0);

        async Task<IEnumerable<(string, long, long, long, long, long, long)>> RowsAsync(UsageRole role, Id<User> user) =>
            (await Usage.ReportAsync(Query(role, user, UsageSpan.Day, UsageGroup.Kind), new PageRequest(), Stop)).Items.Select(row => (
                row.Name, row.Amounts.Events, row.Amounts.Requests, row.Amounts.InputTokens, row.Amounts.OutputTokens, row.Amounts.Paid.Nanodollars, row.Amounts.Creator.Nanodollars));
    }

    [Fact]
    public async Task Verify_OfATotalThatWasChanged_FindsIt()
    {
        await Limited.SubmitAllAsync([TaskOf(Agents[0], Price), TaskOf(Agents[1], Price)], Stop);
        await FinishAllAsync(new Money(1_000));
        await FoldAllAsync();
        var holds = await Usage.VerifyAsync(Stop);
        (holds.FindingCount, holds.TotalCount, holds.Events, holds.Paid).ShouldBe((0, 6, 2L, new Money(2_000)));

        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE usage_totals SET paid = paid + 1 WHERE span = 'Day' AND version = '1.1.0'"), Stop);

        var found = await Usage.VerifyAsync(Stop);
        (found.FindingCount, found.Findings.ShouldHaveSingleItem()).ShouldSatisfyAllConditions(
            pair => pair.FindingCount.ShouldBe(1), pair => pair.Item2.ShouldContain("ann/upper@1.1.0"));
    }

    [Fact]
    public async Task Pages_OfAReport_AreTheWholeInOrder()
    {
        for (var hour = 0; hour < 5; hour++)
            await ChargeAsync([0, 1, 2, 3], hour);
        var query = Query(UsageRole.Operator, Owner, UsageSpan.Hour, UsageGroup.Version);
        var whole = (await Usage.ReportAsync(query, new PageRequest(200), Stop)).Items;
        whole.Count.ShouldBe(20);

        var rows = new List<UsageRow>();
        string? cursor = null;
        do
        {
            var page = await Usage.ReportAsync(query, new PageRequest(3, cursor), Stop);
            rows.AddRange(page.Items);
            cursor = page.NextCursor;
        }
        while (cursor is not null);

        rows.ShouldBe(whole);
        (await Usage.ReportAsync(query, new PageRequest(3, "nonsense"), Stop)).Items.ShouldBe(whole.Take(3));
    }

    [Fact]
    public async Task Receipts_OfAWallet_AreThoseOfItsCapturesNewestFirst()
    {
        for (var i = 0; i < 3; i++)
        {
            await Limited.SubmitAllAsync([TaskOf(Agents[0], Price)], Stop);
            await FinishAllAsync(new Money(1_000 + i));
        }

        var first = await Usage.ListSourcesAsync([Wallet], UsageRole.Consumer, new PageRequest(2), Stop);
        var second = await Usage.ListSourcesAsync([Wallet], UsageRole.Consumer, new PageRequest(2, first.NextCursor), Stop);

        (first.Items.Count, second.Items.Count).ShouldBe((2, 1));
        first.Items.Concat(second.Items).Select(source => DsseEnvelopeText(source.Receipt!)).ShouldBeUnique();
        (await Usage.ListSourcesAsync([Creator], UsageRole.Creator, new PageRequest(200), Stop)).Items.Count.ShouldBe(3);

        static string DsseEnvelopeText(byte[] envelope) => System.Text.Encoding.UTF8.GetString(envelope);
    }

    [Fact]
    public async Task Receipts_AfterACursorThatIsNotOfTheAccounts_AreTheirOwnFromTheNewestOn()
    {
        var stranger = (await Ledger.OpenAccountAsync(Account.Open(Ids.Next<Account>(), "stranger", AccountKind.Wallet, Now), Stop)).Id;
        (await Ledger.ApplyAsync(
            [new Transfer(Ids.Next<Transfer>(), TransferKind.Posted, Accounts.World, stranger, Money.Parse("10"), null, TransferPurpose.Deposit, "test", Now)], Stop)).Refusal.ShouldBeNull();
        for (var i = 0; i < 3; i++)
        {
            // Apart: receipts of one node that say the same are the same.
            await Limited.SubmitAllAsync([TaskOf(Agents[0], Price)], Stop);
            await FinishAllAsync(new Money(1_000));
            var theirs = TaskOf(Agents[0], Price, Ids.Next<User>());
            theirs = theirs with { Task = theirs.Task with { Hold = theirs.Task.Hold! with { PayerId = stranger } }, Hold = theirs.Hold! with { DebitAccountId = stranger } };
            await Limited.SubmitAllAsync([theirs], Stop);
            await FinishAllAsync(new Money(1_000));
        }

        Id<Account>[] own = [Wallet, Account.CreditOf(Owner)];
        var newest = await Usage.ListSourcesAsync(own, UsageRole.Consumer, new PageRequest(2), Stop);
        newest.Items.Count.ShouldBe(2);
        var foreign = (await Ledger.ListTransfersAsync(stranger, new PageRequest(100), Stop)).Items.Select(transfer => transfer.Id).ToList();
        var places = await Database.ReadAsync(session => SqlJournal.FindPlacesAsync(session, [.. foreign.Select(id => id.Uuid)]), Stop);
        places.Count.ShouldBe(7);
        string[] cursors =
        [
            .. places.SelectMany(found => (string[])[$"{found.Place.Value}-0", $"0-{found.Place.Value}", $"{found.Place.Value}"]),
            .. foreign.SelectMany(id => (string[])[$"{id}-", $"-{id}", $"{id}-{id}", $"{id}"]),
            $"{Ids.Next<Transfer>()}-", $"{JournalPlace.Of(1L << 40, 7).Value}-0", $"{long.MaxValue}-{long.MaxValue}", "-1--1", "-", "--", "nonsense", "0-0",
        ];

        foreach (var cursor in cursors)
        {
            var page = await Usage.ListSourcesAsync(own, UsageRole.Consumer, new PageRequest(2, cursor), Stop);
            page.Items.Select(source => Convert.ToHexString(source.Receipt!)).ShouldBe(newest.Items.Select(source => Convert.ToHexString(source.Receipt!)), cursor);
        }

        // One of the wallet's that is no capture leads on from there, whoever else has part in it.
        var deposit = (await Ledger.ListTransfersAsync(Wallet, new PageRequest(100), Stop)).Items.Single(transfer => transfer.Purpose is TransferPurpose.Deposit);
        (await Usage.ListSourcesAsync(own, UsageRole.Consumer, new PageRequest(2, $"{deposit.Id}-"), Stop)).Items.ShouldBeEmpty();
    }

    private static Gen<Step> Steps() =>
        from deed in Gen.Frequency(
            (8, Gen.Constant(Deed.Succeed)),
            (2, Gen.Constant(Deed.SucceedTwice)),
            (2, Gen.Constant(Deed.Fail)),
            (2, Gen.Constant(Deed.Cancel)),
            (3, Gen.Constant(Deed.Fold)),
            (1, Gen.Constant(Deed.FoldAndDie)),
            (2, Gen.Constant(Deed.FoldAtTwoNodes)),
            (3, Gen.Constant(Deed.Read)))
        from consumer in Gen.Choose(0, 2)
        from agent in Gen.Choose(0, 3)
        from node in Gen.Choose(0, 1)
        from price in Gen.Choose(0, 10_000)
        from hoursAgo in Gen.Frequency((3, Gen.Constant(0)), (2, Gen.Choose(1, 30)), (1, Gen.Choose(31, 900)))
        select new Step(deed, consumer, agent, node, price, hoursAgo);

    private async Task<bool> RunAsync(IReadOnlyList<Step> steps)
    {
        var consumers = Enumerable.Range(0, 3).Select(_ => Ids.Next<User>()).ToArray();
        foreach (var step in steps)
            await DoAsync(step, consumers);
        await CheckAsync(consumers);
        await FoldAllAsync();
        await CheckAsync(consumers);
        var audit = await Usage.VerifyAsync(Stop);
        audit.FindingCount.ShouldBe(0, string.Join(' ', audit.Findings));
        (audit.Events, audit.Paid).ShouldBe((_charged.Count, new Money(_charged.Sum(one => one.Price.Nanodollars))));
        return true;
    }

    private async Task DoAsync(Step step, Id<User>[] consumers)
    {
        switch (step.Deed)
        {
            case Deed.Succeed or Deed.SucceedTwice or Deed.Fail or Deed.Cancel:
                await EndAsync(step, consumers[step.Consumer]);
                break;
            case Deed.Fold:
                await Usage.FoldAsync(Stop);
                break;
            case Deed.FoldAndDie:
                await Should.ThrowAsync<TimeoutException>(() => Database.WriteAsync(
                    async session =>
                    {
                        await SqlUsage.WriteStepAsync(session, await SqlUsage.ReadStepAsync(session, 1_000));
                        throw new TimeoutException();
                    },
                    Stop));
                break;
            case Deed.FoldAtTwoNodes:
                // Both have read the same part; the second finds that the cursor has moved.
                var read = await Database.ReadAsync(session => SqlUsage.ReadStepAsync(session, 1_000), Stop);
                if (read.To > read.From)
                {
                    (await Database.WriteAsync(session => SqlUsage.WriteStepAsync(session, read), Stop)).ShouldBeTrue();
                    (await Database.WriteAsync(session => SqlUsage.WriteStepAsync(session, read), Stop)).ShouldBeFalse();
                }

                break;
            case Deed.Read:
                await CheckAsync(consumers);
                break;
        }
    }

    private async Task EndAsync(Step step, Id<User> consumer)
    {
        var submitted = (await Limited.SubmitAsync(TaskOf(Agents[step.Agent], new Money(10_000), consumer), Stop)).Value.Task;
        if (step.Deed is Deed.Cancel)
        {
            (await Limited.CancelAsync(submitted.Id, consumer, Ids.Next<Transfer>(), Accounts.Clearing, Now, Stop)).Refusal.ShouldBeNull();
            return;
        }

        var running = (await Limited.ClaimAsync(Holder, Room, Now, Stop)).Single();
        var (price, at) = (new Money(step.Price), Now.AddHours(-step.HoursAgo));
        var measured = new Usage(step.Price, 1 << 16, step.Agent, step.Node, step.HoursAgo);
        var end = step.Deed is Deed.Fail ? End(running.Fail(new TaskFailure(FailureCode.Trap, "It failed.", "", measured), Now)) : Succeed(running, price, measured, at, _nodes[step.Node]);
        (await Limited.EndAttemptAsync(end, Stop)).ShouldBe(AttemptEndOutcome.Written);
        if (step.Deed is Deed.SucceedTwice)
            (await Limited.EndAttemptAsync(end, Stop)).ShouldBe(AttemptEndOutcome.LeaseLost);
        if (step.Deed is not Deed.Fail)
            _charged.Add(new Charged(consumer, Agents[step.Agent], _nodes[step.Node].PublicKey.PeerId.ToString(), at, measured, price));
    }

    private async Task ChargeAsync(int[] agents, int hoursAgo)
    {
        foreach (var agent in agents)
        {
            await EndAsync(new Step(Deed.Succeed, 0, agent, 0, 1_000, hoursAgo), Owner);
            // Half of it is in the totals, and half behind them.
            if (agent == 1)
                await Usage.FoldAsync(Stop);
        }
    }

    private async Task CheckAsync(Id<User>[] consumers)
    {
        foreach (var span in Enum.GetValues<UsageSpan>())
        {
            foreach (var group in Enum.GetValues<UsageGroup>())
            {
                await CheckAsync(Query(UsageRole.Operator, consumers[0], span, group));
                await CheckAsync(Query(UsageRole.Consumer, consumers[1], span, group));
                await CheckAsync(Query(UsageRole.Creator, Agents[0].PublisherId, span, group));
                await CheckAsync(Query(UsageRole.Operator, consumers[0], span, group) with { Agent = "ann/upper" });
            }
        }
    }

    /// <summary>A report against the plain sum.</summary>
    private async Task CheckAsync(UsageQuery query)
    {
        var naive = _charged
            .Where(one => (query.Agent is null || one.Agent.Name == query.Agent) && query.Role switch
            {
                UsageRole.Consumer => one.Consumer == query.UserId,
                UsageRole.Creator => one.Agent.PublisherId == query.UserId,
                _ => true,
            })
            .GroupBy(one => (query.Span.StartOf(one.At), NameOf(one, query.Group)))
            .Select(rows => new UsageRow(rows.Key.Item1, rows.Key.Item2, rows.Aggregate(default(UsageAmounts), (sum, one) => sum + one.Amounts)))
            .Order(UsageRow.Order)
            .ToList();

        (await Usage.ReportAsync(query, new PageRequest(10_000), Stop)).Items.ShouldBe(naive);
    }

    private static string NameOf(Charged one, UsageGroup group) => group switch
    {
        UsageGroup.Agent => one.Agent.Name,
        UsageGroup.Version => one.Agent.Listing.ToString(),
        UsageGroup.Consumer => one.Consumer.ToString(),
        UsageGroup.Node => one.Node,
        UsageGroup.Kind => "Task",
        _ => "",
    };

    private static UsageQuery Query(UsageRole role, Id<User> user, UsageSpan span, UsageGroup group) =>
        new(role, user, span, group, span.StartOf(Now.AddDays(-100)), Now.AddDays(1));

    private async Task FoldAllAsync()
    {
        while (await Usage.FoldAsync(Stop))
        {
        }
    }

    private sealed record Charged(Id<User> Consumer, PublishedAgent Agent, string Node, DateTimeOffset At, Usage Measured, Money Price)
    {
        public UsageAmounts Amounts
        {
            get
            {
                var shares = SplitPolicy.Default.Split(Price);
                return new UsageAmounts(
                    1, Measured.Fuel, Measured.InputBytes, Measured.OutputBytes, Measured.DurationMs, Price, shares.Creator, shares.Node, shares.Platform);
            }
        }
    }
}

public sealed class SqliteUsageTests() : UsageConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresUsageTests(PostgresCluster cluster) : UsageConformance(new PostgresSource(cluster));
