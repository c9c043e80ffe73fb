using FsCheck;
using FsCheck.Fluent;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Tests.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Metering;

/// <summary>Whatever happens, users pay what a plain model of them pays, and reports, budgets and books say the same: on every database.</summary>
public abstract class ChargeHistoriesConformance(DatabaseSource source) : ChargesTest(source)
{
    private const int Users = 3;
    private static readonly Money s_budget = new(4_000);

    private readonly List<UsageCharge> _charged = [];
    private readonly Dictionary<Id<UsageCharge>, Download> _open = [];
    private readonly HashSet<(int User, DateTimeOffset Hour)> _hours = [];
    private Consumer[] _users = [];
    private DateTimeOffset _now;

    private enum Deed
    {
        Upload,
        Deposit,
        Wait,
        Charge,
        Begin,
        End,
        Die,
        Fold,
        Read,
    }

    private sealed record Step(Deed Deed, int User, int Size, int Part);

    private sealed record Download(int User, long Free, long Paid, DateTimeOffset Month, DateTimeOffset Day, bool IsOther);

    /// <summary>The plain model of a user.</summary>
    private sealed class Consumer(Id<User> id, bool isLimited)
    {
        private readonly Dictionary<DateTimeOffset, long> _free = [];
        private readonly Dictionary<DateTimeOffset, long> _spent = [];

        public Id<User> Id => id;

        public long Content { get; set; }

        public long Money { get; set; }

        public long Held { get; set; }

        public bool IsUnpaid { get; set; }

        public long FreeUsed(DateTimeOffset month) => _free.GetValueOrDefault(month);

        public void UseFree(DateTimeOffset month, long bytes) => _free[month] = FreeUsed(month) + bytes;

        public long Spent(DateTimeOffset day) => _spent.GetValueOrDefault(day);

        public void Spend(DateTimeOffset day, long amount) => _spent[day] = Spent(day) + amount;

        public bool CanPay(long amount, DateTimeOffset day) => Money - Held >= amount && (!isLimited || Spent(day) + amount <= s_budget.Nanodollars);
    }

    [Fact]
    public void Charges_OfAnyHistory_AreThoseOfTheModel() =>
        Prop.ForAll(Arb.From(Gen.ListOf(Steps(), 45)), steps => RunAsync(steps).GetAwaiter().GetResult()).Check(Config.QuickThrowOnFailure.WithMaxTest(8));

    private static Gen<Step> Steps() =>
        from deed in Gen.Frequency(
            (3, Gen.Constant(Deed.Upload)),
            (2, Gen.Constant(Deed.Deposit)),
            (4, Gen.Constant(Deed.Wait)),
            (5, Gen.Constant(Deed.Charge)),
            (6, Gen.Constant(Deed.Begin)),
            (6, Gen.Constant(Deed.End)),
            (1, Gen.Constant(Deed.Die)),
            (2, Gen.Constant(Deed.Fold)),
            (2, Gen.Constant(Deed.Read)))
        from user in Gen.Choose(0, Users - 1)
        from size in Gen.Choose(1, 1_500)
        from part in Gen.Choose(0, 100)
        select new Step(deed, user, size, part);

    private async Task<bool> RunAsync(IReadOnlyList<Step> steps)
    {
        _open.Clear();
        _hours.Clear();
        // What the history before has charged stays in the books; its users have nothing any more that would be charged.
        await Database.WriteAsync(session => session.ExecuteAsync("UPDATE user_usage SET content_bytes = 0"), Stop);
        _now = _users.Length == 0 ? Now : _now.AddDays(70);
        _users = [.. await Task.WhenAll(Enumerable.Range(0, Users).Select(async index => new Consumer(await AddUserAsync(Money.Zero, 0), isLimited: index == 1)))];
        await SetBudgetAsync(_users[1].Id, s_budget, at: _now);
        foreach (var step in steps)
            await DoAsync(step);
        foreach (var (id, _) in _open.ToList())
            await EndAsync(id, 50);
        await CheckAsync();
        await FoldAllAsync();
        await CheckAsync();
        var audit = await Usage.VerifyAsync(Stop);
        audit.FindingCount.ShouldBe(0, string.Join(' ', audit.Findings));
        (audit.Events, audit.Paid).ShouldBe((_charged.Count, new Money(_charged.Sum(charge => charge.Price.Nanodollars))));
        (await EarnedAsync()).ShouldBe((
            new Money(_charged.Sum(charge => charge.Shares.Node.Nanodollars)), new Money(_charged.Sum(charge => charge.Platform.Nanodollars))));
        (await Ledger.TotalAsync(Stop)).ShouldSatisfyAllConditions(totals => totals.Posted.ShouldBe(Money.Zero), totals => totals.OpenHolds.ShouldBe(0));
        return true;
    }

    private async Task DoAsync(Step step)
    {
        var user = _users[step.User];
        switch (step.Deed)
        {
            case Deed.Upload:
                await AddContentAsync(user.Id, step.Size);
                user.Content += step.Size;
                break;
            case Deed.Deposit:
                await DepositAsync(user.Id, new Money(step.Size * 4L));
                user.Money += step.Size * 4L;
                break;
            case Deed.Wait:
                _now = _now.AddMinutes(step.Part > 90 ? step.Size * 20 : step.Part);
                break;
            case Deed.Charge:
                await Task.WhenAll(ChargeAsync(_now), ChargeAsync(_now, Other));
                Charge(UsageSpan.Hour.StartOf(_now));
                break;
            case Deed.Begin:
                await BeginAsync(step, user);
                break;
            case Deed.End when _open.Count > 0:
                await EndAsync(_open.Keys.Order().ElementAt(step.Size % _open.Count), step.Part);
                break;
            case Deed.Die:
                foreach (var (id, _) in _open.Where(one => one.Value.IsOther).ToList())
                    Settle(id, 0);
                await VoidAbandonedAsync(_now.AddMinutes(2));
                break;
            case Deed.Fold:
                await Usage.FoldAsync(Stop);
                break;
            case Deed.Read:
                await CheckAsync();
                break;
        }
    }

    private void Charge(DateTimeOffset hour)
    {
        for (var index = 0; index < Users; index++)
        {
            var (user, price) = (_users[index], Prices.HourOf(_users[index].Content).Nanodollars);
            // An hour is gone through once: who could not pay then, or had nothing, is asked in the next one.
            if (!_hours.Add((index, hour)))
                continue;
            if (price == 0)
                continue;
            user.IsUnpaid = !user.CanPay(price, UsageSpan.Day.StartOf(hour));
            if (user.IsUnpaid)
                continue;
            user.Money -= price;
            user.Spend(UsageSpan.Day.StartOf(hour), price);
            Add(UsageCharge.IdOf(user.Id, hour), user.Id, UsageKind.Storage, user.Content - Prices.FreeStorageBytes, price, hour);
        }
    }

    private async Task BeginAsync(Step step, Consumer user)
    {
        var (id, month, day) = (Ids.Next<UsageCharge>(), UsageSpan.Month.StartOf(_now), UsageSpan.Day.StartOf(_now));
        var free = Math.Min(step.Size, Prices.FreeTransferBytes - user.FreeUsed(month));
        var paid = step.Size - free;
        var isOther = step.Part % 2 == 0;
        var refusal = await TransfersAt(isOther ? Other : null).OpenAsync(id, user.Id, step.Size, null, _now, Stop);
        (refusal is null).ShouldBe(paid == 0 || user.CanPay(paid, day));
        if (refusal is not null)
            return;
        user.UseFree(month, free);
        user.Held += paid;
        user.Spend(day, paid);
        _open.Add(id, new Download(step.User, free, paid, month, day, isOther));
    }

    private async Task EndAsync(Id<UsageCharge> id, int part)
    {
        var download = _open[id];
        var sent = (download.Free + download.Paid) * part / 100;
        (await TransfersAt(download.IsOther ? Other : null).CloseAsync(id, sent, _now, Stop)).ShouldNotBeNull();
        Settle(id, sent);
    }

    private void Settle(Id<UsageCharge> id, long sent)
    {
        _open.Remove(id, out var download);
        var user = _users[download!.User];
        var free = Math.Min(download.Free, sent);
        var paid = sent - free;
        user.UseFree(download.Month, free - download.Free);
        user.Held -= download.Paid;
        user.Money -= paid;
        user.Spend(download.Day, paid - download.Paid);
        if (paid > 0)
            Add(id, user.Id, UsageKind.Transfer, paid, paid, _now, download.IsOther ? Other.Node : Holder.Node);
    }

    private void Add(Id<UsageCharge> id, Id<User> user, UsageKind kind, long quantity, long price, DateTimeOffset at, string? node = null) => _charged.Add(new UsageCharge(
        id, user, kind, node ?? Holder.Node, quantity, new Money(price), new Money(price).Split([25, 5])[1], at));

    private async Task CheckAsync()
    {
        foreach (var user in _users)
        {
            var wallet = await WalletOfAsync(user.Id);
            (wallet.Posted.Nanodollars, wallet.PendingDebits.Nanodollars).ShouldBe((user.Money, user.Held));
            ((await UsageOfAsync(user.Id)).UnpaidSince is not null).ShouldBe(user.IsUnpaid);
            var month = UsageSpan.Month.StartOf(_now);
            (await TransfersAt().FindMonthAsync(user.Id, _now, Stop)).Free.ShouldBe(user.FreeUsed(month));
            foreach (var span in Enum.GetValues<UsageSpan>())
            {
                foreach (var group in (UsageGroup[])[UsageGroup.None, UsageGroup.Agent, UsageGroup.Version, UsageGroup.Kind])
                    await CheckAsync(new UsageQuery(UsageRole.Consumer, user.Id, span, group, Now.AddYears(-1), _now.AddDays(1)));
            }

            var listed = (await Usage.ListSourcesAsync([wallet.Id], UsageRole.Consumer, new PageRequest(1_000), Stop)).Items.Select(one => one.Charge.ShouldNotBeNull()).ToList();
            // Which of two nodes asked for an hour is chance.
            listed.Select(charge => charge with { Node = "" }).OrderBy(charge => charge.Id).ShouldBe(
                _charged.Where(charge => charge.UserId == user.Id).Select(charge => charge with { Node = "" }).OrderBy(charge => charge.Id));
        }

        var budget = (await Budgets.ListAsync(_users[1].Id, _now, Stop)).ShouldHaveSingleItem();
        (budget.Meter.Captured + budget.Meter.Held).Nanodollars.ShouldBe(_users[1].Spent(budget.Meter.Start));
        await CheckAsync(new UsageQuery(UsageRole.Operator, _users[0].Id, UsageSpan.Day, UsageGroup.Consumer, Now.AddYears(-1), _now.AddDays(1)));
        await CheckAsync(new UsageQuery(UsageRole.Creator, _users[0].Id, UsageSpan.Day, UsageGroup.None, Now.AddYears(-1), _now.AddDays(1)));
    }

    /// <summary>A report against the plain sum.</summary>
    private async Task CheckAsync(UsageQuery query)
    {
        var naive = _charged
            .Where(charge => query.Role switch
            {
                UsageRole.Consumer => charge.UserId == query.UserId,
                UsageRole.Creator => false,
                _ => true,
            })
            .GroupBy(charge => (query.Span.StartOf(charge.At), query.Group switch
            {
                UsageGroup.Agent or UsageGroup.Version => charge.Kind is UsageKind.Storage ? "storage" : "transfer",
                UsageGroup.Kind => charge.Kind.ToString(),
                UsageGroup.Consumer => charge.UserId.ToString(),
                _ => "",
            }))
            .Select(rows => new UsageRow(rows.Key.Item1, rows.Key.Item2, rows.Aggregate(default(UsageAmounts), (sum, charge) => sum + AmountsOf(charge))) { Charges = rows.LongCount() })
            .Order(UsageRow.Order)
            .ToList();

        (await Usage.ReportAsync(query, new PageRequest(10_000), Stop)).Items.ShouldBe(naive);
    }

    private static UsageAmounts AmountsOf(UsageCharge charge) => new(1, 0, 0, 0, 0, charge.Price, Money.Zero, charge.Price - charge.Platform, charge.Platform)
    {
        ByteHours = charge.Kind is UsageKind.Storage ? charge.Quantity : 0,
        TransferBytes = charge.Kind is UsageKind.Transfer ? charge.Quantity : 0,
    };
}

public sealed class SqliteChargeHistoriesTests() : ChargeHistoriesConformance(new SqliteSource());

[Trait("needs", "postgres")]
public sealed class PostgresChargeHistoriesTests(PostgresCluster cluster) : ChargeHistoriesConformance(new PostgresSource(cluster));
