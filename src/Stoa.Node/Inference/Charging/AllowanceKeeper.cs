using System.Runtime.CompilerServices;
using Stoa.Market.Inference;
using Stoa.Node.Background;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>Settles what requests to models have cost, every moment; ends allowances that are not used, and those that were left by earlier starts and by nodes that have died.</summary>
public sealed class AllowanceKeeper(
    Allowances allowances, SqlAllowances store, ChargeSlots slots, InferenceOptions options, TimeProvider time, ILogger<AllowanceKeeper> logger) : BackgroundService
{
    private const int SettledSideBySide = 16;

    private static readonly TimeSpan s_untilIdle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_betweenAbandoned = TimeSpan.FromMinutes(1);

    private readonly FailureLog _failures = new(logger, time);
    private readonly Dictionary<int, LeftSlot> _left = slots.Left.ToDictionary(left => left.Index);

    // What the last rounds have seen; gone with the allowance.
    private readonly ConditionalWeakTable<HeldAllowance, Seen> _seen = [];

    private bool _ownAreSettled;
    private DateTimeOffset? _lookedForAbandoned;

    /// <summary>Settles and ends all that there is, as far as nothing is reserved any more. The rest is settled at the next start.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await _failures.TryAsync("settle what an earlier start has left", SettleLeftAsync, cancellationToken);
        await EachByItself.DoAsync(
            allowances.All,
            async held =>
            {
                if (!await allowances.EndAsync(held, null, cancellationToken))
                    await allowances.RenewAsync(held, cancellationToken);
            },
            (held, failure) => _failures.TellOf("settle what requests to models have cost of", held.Allowance.Id, failure),
            cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _failures.TryAsync("settle what requests to models have cost", TurnAsync, stoppingToken);
            await Task.Delay(TimeSpan.FromMilliseconds(options.SettleMs), time, stoppingToken);
        }
    }

    /// <summary>One round.</summary>
    internal async Task TurnAsync(CancellationToken cancellationToken)
    {
        await SettleLeftAsync(cancellationToken);
        await Parallel.ForEachAsync(
            allowances.All,
            new ParallelOptions { MaxDegreeOfParallelism = SettledSideBySide, CancellationToken = cancellationToken },
            async (held, token) =>
            {
                try
                {
                    await LookAtAsync(held, token);
                }
                catch (Exception failure) when (!token.IsCancellationRequested)
                {
                    _failures.TellOf("settle what requests to models have cost of", held.Allowance.Id, failure);
                }
            });
        await EndAbandonedAsync(cancellationToken);
    }

    private async Task LookAtAsync(HeldAllowance held, CancellationToken cancellationToken)
    {
        var now = time.GetTimestamp();
        var standing = held.Allowance.Standing;
        var seen = _seen.GetValue(held, _ => new Seen(now));
        var spent = standing.Spent.Price.Total;
        if (time.GetElapsedTime(seen.LookedAt, now) is { Ticks: > 0 } passed)
        {
            held.PerSecond = new Money((long)Math.Min((spent - seen.Spent).Nanodollars / passed.TotalSeconds, 1e18));
            (seen.LookedAt, seen.Spent) = (now, spent);
        }

        if (standing.Uses != seen.Uses)
            (seen.Uses, seen.UsedAt) = (standing.Uses, now);
        if (standing.IsClosed)
            await allowances.EndAsync(held, null, cancellationToken);
        else if (standing.Open == 0 && time.GetElapsedTime(seen.UsedAt, now) >= s_untilIdle)
            await allowances.EndAsync(held, standing.Uses, cancellationToken);
        else if (spent != held.Settled.Price.Total)
            await allowances.RenewAsync(held, cancellationToken);
    }

    /// <summary>Settles what an earlier start of this node has left: what its slots say was spent of allowances that are open still.</summary>
    private async Task SettleLeftAsync(CancellationToken cancellationToken)
    {
        if (_ownAreSettled)
            return;
        await EachByItself.DoAsync(
            [.. _left.Values],
            async left =>
            {
                if (await store.CloseAsync(left.Id, left.Spent, time.GetUtcNow(), cancellationToken) is { } charge)
                    TellSettled(left, charge.Price);
                else if (left.Spent.Price.Total - await store.FindPaidAsync(left.Id, cancellationToken) is var lost && lost > Money.Zero)
                    TellLost(left, lost);
                slots.Free(left.Index);
                _left.Remove(left.Index);
            },
            (left, failure) => _failures.TellOf("settle what an earlier start has left of", left.Id, failure),
            cancellationToken);
        if (_left.Count > 0)
            return;
        // Those that are in no slot: the file is another than theirs.
        await EachByItself.DoAllAsync<Id<Allowance>>(
            after => store.ListOwnLeftAsync(after, cancellationToken),
            async id =>
            {
                if (await store.CloseAsync(id, null, time.GetUtcNow(), cancellationToken) is not null)
                    logger.LogWarning("The allowance {Allowance} of an earlier start of this node is in no slot of {File}. It is given back; what was spent of it and not settled is not paid.", id, ChargeSlots.FileName);
            },
            (id, failure) => _failures.TellOf("give back the allowance of an earlier start", id, failure),
            cancellationToken);
        _ownAreSettled = true;
    }

    private void TellSettled(LeftSlot left, Money price)
    {
        if (price > Money.Zero)
            logger.LogInformation("An earlier start of this node has left {Price} USD of the allowance {Allowance} unsettled. They are paid.", price, left.Id);
    }

    private void TellLost(LeftSlot left, Money lost) => logger.LogError(
        "An earlier start of this node has left {Price} USD of the allowance {Allowance} unsettled, and it is not open any more: another node has given it back, since this one was away for long. They are not paid.",
        lost, left.Id);

    /// <summary>Gives back what nodes hold that have been gone for long.</summary>
    private async Task EndAbandonedAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_lookedForAbandoned is { } last && now - last < s_betweenAbandoned)
            return;
        await EachByItself.DoAllAsync<Id<Allowance>>(
            after => store.ListAbandonedAsync(after, now, cancellationToken),
            id => store.CloseAsync(id, null, now, cancellationToken),
            (id, failure) => _failures.TellOf("give back the allowance of another node", id, failure),
            cancellationToken);
        _lookedForAbandoned = now;
    }

    /// <summary>What was seen of an allowance in the round before.</summary>
    private sealed class Seen(long now)
    {
        public long LookedAt { get; set; } = now;

        public long UsedAt { get; set; } = now;

        public Money Spent { get; set; }

        public long Uses { get; set; }
    }
}
