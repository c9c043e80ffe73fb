using System.Collections.Concurrent;
using Stoa.Market;
using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Registry;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>What requests to models cost at this node: reserved before, settled after, out of allowances that are held in the ledger for a while each.</summary>
/// <remarks>
/// A request that finds enough left in its allowance waits for nothing. When there is not enough, one of those that wait has the allowance renewed with as much as is sensible, else with exactly what
/// it needs; when even that is refused, what other allowances of the account have left here is given back, and it is tried once more. <see cref="AllowanceKeeper"/> settles what was spent.
/// </remarks>
/// <param name="store">The ledger's side of it.</param>
/// <param name="slots">Where what is spent is written down.</param>
/// <param name="options">How much is held.</param>
/// <param name="ids">Of new allowances.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of money that is lost.</param>
public sealed class Allowances(SqlAllowances store, ChargeSlots slots, InferenceOptions options, IdSource ids, TimeProvider time, ILogger<Allowances> logger)
{
    // After so long whatever was under way to the database has come about, or never will.
    private static readonly TimeSpan s_untilKnown = TimeSpan.FromMinutes(1);

    // Of a request, and of what is held for some seconds: so no sum of those under way leaves the range of money.
    private static readonly Money s_most = Money.FromDollars(1_000_000);

    private readonly Money _least = options.LeastAllowance;
    private readonly ConcurrentDictionary<Place, HeldAllowance> _current = new();
    private readonly ConcurrentDictionary<Id<Allowance>, HeldAllowance> _all = new();

    /// <summary>Those that are open or not yet ended.</summary>
    internal ICollection<HeldAllowance> All => _all.Values;

    /// <summary>Reserves what a request may cost at most, or says why it is not made.</summary>
    /// <remarks>On the usual path it completes at once.</remarks>
    /// <param name="holder">Who pays.</param>
    /// <param name="model">For what, at which prices.</param>
    /// <param name="most">Tokens that the request may use at most; neither is negative.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(AllowanceHolder holder, PricedModel model, TokenUsage most, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(holder);
        ArgumentNullException.ThrowIfNull(model);
        if (model.TryPriceOf(most)?.Total is not { } amount || amount > s_most)
        {
            return new(new Refusal<AllowanceRefusal>(
                AllowanceRefusal.PriceTooHigh, $"{most.InputTokens} tokens in and {most.OutputTokens} out of {model.Listing} cost more than {s_most} USD, which no request may. Ask for fewer tokens."));
        }

        if (amount == Money.Zero)
            return new(Reservation.OfNothing());
        if (holder.Key == SpendingAllowance.Nothing)
        {
            return new(new Refusal<AllowanceRefusal>(
                AllowanceRefusal.SpendingForbidden,
                $"The request may cost {amount} USD, and that takes the permission {PermissionSet.WordOf(Permission.TasksSubmit)}, which you do not have here. Use a key with that scope, or ask an administrator of the organisation for another role."));
        }

        var place = Place.Of(holder, model);
        return _current.TryGetValue(place, out var held) && held.Allowance.TryReserve(amount) is { } reservation
            ? new(reservation)
            : ReserveSlowlyAsync(place, holder, model, amount, cancellationToken);
    }

    /// <summary>What is held for requests to come of a payer to a model, and free for them.</summary>
    internal Money FreeOf(AllowanceHolder holder, PricedModel model) =>
        _current.TryGetValue(Place.Of(holder, model), out var held) && held.IsOpen ? Money.Max(Money.Zero, held.Allowance.Standing.Left) : Money.Zero;

    /// <summary>Settles what was spent, and holds for what is to come as much as lately was spent in two seconds.</summary>
    internal async Task RenewAsync(HeldAllowance held, CancellationToken cancellationToken)
    {
        await held.Turn.WaitAsync(cancellationToken);
        try
        {
            if (held.IsOpen && !held.Allowance.Standing.IsClosed)
                await TryRenewAsync(held, held.Holder, Sensible(held), null);
            // What wallet, budgets and key do not have any more is held for nobody after those that have reserved.
            if (held.Refused is { Amount: var amount } && amount == Money.Zero)
                held.Allowance.Close();
        }
        finally
        {
            held.Turn.Release();
        }
    }

    /// <summary>Ends an allowance of which nothing is reserved: what was spent is paid, and the rest is free.</summary>
    /// <param name="held">The allowance.</param>
    /// <param name="uses">How often it was used when it was last looked at, if it is to be left alone when it was used since; null for whatever it was.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether it has ended.</returns>
    internal async Task<bool> EndAsync(HeldAllowance held, long? uses, CancellationToken cancellationToken)
    {
        await held.Turn.WaitAsync(cancellationToken);
        try
        {
            return await EndInTurnAsync(held, uses, cancellationToken);
        }
        finally
        {
            held.Turn.Release();
        }
    }

    private async ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveSlowlyAsync(
        Place place, AllowanceHolder holder, PricedModel model, Money amount, CancellationToken cancellationToken)
    {
        var hasAskedOthers = false;
        while (true)
        {
            if (FindOrOpen(place, holder, model) is not { } held)
            {
                return new Refusal<AllowanceRefusal>(
                    AllowanceRefusal.AllowancesTooMany,
                    $"As many accounts and models as this node keeps apart, {options.MaxAllowances:N0}, are in use just now. Try again in some seconds, or at another node.");
            }

            var refusalsBefore = held.Refused?.Number ?? 0;
            held.AddWaiting(amount);
            try
            {
                await held.Turn.WaitAsync(cancellationToken);
            }
            finally
            {
                held.AddWaiting(-amount);
            }

            Refusal<AllowanceRefusal> why;
            try
            {
                if (held.Allowance.TryReserve(amount) is { } reservation)
                    return reservation;
                if (held.Allowance.Standing.IsClosed)
                {
                    Forget(place, held);
                    continue;
                }

                // Who has waited for one that was refused less is refused as well.
                if (held.Refused is { } before && before.Number > refusalsBefore && before.Amount > Money.Zero && before.Amount <= amount)
                {
                    why = before.Why;
                }
                else
                {
                    held.Holder = holder;
                    if (await TryRenewAsync(held, holder, Money.Max(Sensible(held), held.Waiting + amount), amount) is { } renewed)
                        return renewed;
                    if (held.Allowance.Standing.IsClosed)
                        continue;
                    why = held.Refused!.Why;
                }

            }
            finally
            {
                held.Turn.Release();
            }

            if (!hasAskedOthers)
            {
                // Not within a turn: two that give way to each other would wait for each other.
                hasAskedOthers = true;
                if (await GiveBackOthersAsync(held, why.Code, cancellationToken))
                    continue;
            }

            await DropUnopenedAsync(held, cancellationToken);
            return why with { Detail = $"The request may cost {amount} USD{why.Detail}" };
        }
    }

    /// <summary>One that was refused from the beginning is not kept, so that nobody fills the slots without money.</summary>
    private async Task DropUnopenedAsync(HeldAllowance held, CancellationToken cancellationToken)
    {
        await held.Turn.WaitAsync(cancellationToken);
        try
        {
            if (!held.IsOpen && held.TriedAt is null && held.Waiting == Money.Zero)
                await EndInTurnAsync(held, null, cancellationToken);
        }
        finally
        {
            held.Turn.Release();
        }
    }

    /// <summary>Has what other allowances of the same payer have left here free again.</summary>
    /// <returns>Whether there are any.</returns>
    private async Task<bool> GiveBackOthersAsync(HeldAllowance asking, AllowanceRefusal why, CancellationToken cancellationToken)
    {
        var others = _all.Values.Where(other => other != asking && other.IsOpen && other.Holder.Consumer == asking.Holder.Consumer
            // What one channel lacks no other one has to give.
            && other.Holder.Channel == asking.Holder.Channel
            && (why is not AllowanceRefusal.SpendingLimitReached || other.Holder.Key?.KeyId == asking.Holder.Key?.KeyId)).ToList();
        foreach (var other in others)
        {
            await other.Turn.WaitAsync(cancellationToken);
            try
            {
                if (await EndInTurnAsync(other, null, cancellationToken) || !other.IsOpen || other.Allowance.Standing.IsClosed)
                    continue;
                await TryRenewAsync(other, other.Holder, Money.Zero, null);
                // What was reserved of it may have ended meanwhile, and then there was nothing to hold.
                if (other.Refused is not null)
                    await EndInTurnAsync(other, null, cancellationToken);
            }
            finally
            {
                other.Turn.Release();
            }
        }

        return others.Count > 0;
    }

    /// <summary>Renews in the caller's turn.</summary>
    /// <param name="held">The allowance.</param>
    /// <param name="holder">Who pays.</param>
    /// <param name="free">What is wanted beyond what is reserved.</param>
    /// <param name="needed">What the request needs that it is for; null for none.</param>
    /// <returns>The reservation for the request; null without one, and when it was refused, which then is in <see cref="HeldAllowance.Refused"/>, or there is nothing to renew any more.</returns>
    private async Task<Reservation?> TryRenewAsync(HeldAllowance held, AllowanceHolder holder, Money free, Money? needed)
    {
        var renewal = held.Allowance.BeginRenewal(free, needed ?? Money.Zero);
        // Nobody's disconnecting is to leave in doubt what others wait for.
        var before = held.TriedAt;
        held.TriedAt = time.GetUtcNow();
        var outcome = await store.RenewAsync(held.Allowance.Id, holder, held.Model, renewal, held.IsOpen, time.GetUtcNow(), CancellationToken.None);
        if (!outcome.TryGet(out var now, out var refusal))
        {
            held.TriedAt = before;
            held.Allowance.RefuseRenewal(renewal);
            held.Refused = new RefusedRenewal((held.Refused?.Number ?? 0) + 1, needed ?? Money.Zero, refusal);
            return null;
        }

        if (now is not { } amount)
        {
            // What is settled from here on would be paid by nobody.
            held.Allowance.Lose();
            await TellLostAsync(held, held.Allowance.Standing.Spent, CancellationToken.None);
            Drop(held);
            return null;
        }

        held.IsOpen = true;
        held.Settled = renewal.Spent;
        held.Refused = null;
        return held.Allowance.EndRenewal(renewal, amount, needed);
    }

    private async Task<bool> EndInTurnAsync(HeldAllowance held, long? uses, CancellationToken cancellationToken)
    {
        if (!_all.ContainsKey(held.Allowance.Id))
            return true;
        if (held.Allowance.TryEnd(uses) is not { } spent)
            return false;
        // From here on who asks for it opens another.
        if (held.TriedAt is { } tried && await store.CloseAsync(held.Allowance.Id, spent, time.GetUtcNow(), cancellationToken) is null)
        {
            if (held.IsOpen)
                await TellLostAsync(held, spent, cancellationToken);
            else if (time.GetUtcNow() - tried < s_untilKnown)
                return false;
        }

        Drop(held);
        return true;
    }

    /// <summary>An allowance has no row any more. If this node has closed it and did not learn of it, all is paid.</summary>
    private async Task TellLostAsync(HeldAllowance held, InferenceSpending spent, CancellationToken cancellationToken)
    {
        if (spent.Price.Total - await store.FindPaidAsync(held.Allowance.Id, cancellationToken) is var lost && lost > Money.Zero)
        {
            logger.LogError(
                "The allowance {Allowance} of {Consumer} for {Model} was given back by another node, since this one gave no sign of life for long. {Price} USD that were not settled by then are not paid.",
                held.Allowance.Id, held.Holder.Consumer, held.Model.Listing, lost);
        }
    }

    private void Drop(HeldAllowance held)
    {
        Forget(Place.Of(held.Holder, held.Model), held);
        if (_all.TryRemove(held.Allowance.Id, out _))
            held.Slot.Free();
    }

    private void Forget(Place place, HeldAllowance held) => _current.TryRemove(new KeyValuePair<Place, HeldAllowance>(place, held));

    private HeldAllowance? FindOrOpen(Place place, AllowanceHolder holder, PricedModel model)
    {
        while (true)
        {
            if (_current.TryGetValue(place, out var there))
                return there;
            var id = ids.Next<Allowance>();
            if (slots.TryTake(id) is not { } slot)
                return null;
            var made = new HeldAllowance(new Allowance(id, slot), slot, holder, model);
            _all[id] = made;
            if (_current.TryAdd(place, made))
                return made;
            _all.TryRemove(id, out _);
            slot.Free();
        }
    }

    /// <summary>What is held for requests to come: for two seconds of what is spent lately, so that one renewal a second suffices; and twice of what was spent since the last one, so that few are
    /// needed until it is known how much that is.</summary>
    private Money Sensible(HeldAllowance held)
    {
        var unsettled = held.Allowance.Standing.Spent.Price.Total - held.Settled.Price.Total;
        return Money.Max(_least, new Money(Math.Min(Money.Max(held.PerSecond, unsettled).Nanodollars, s_most.Nanodollars) * 2));
    }

    /// <summary>Pays out of the allowances of an account.</summary>
    internal IInferencePayer PayerOf(AllowanceHolder holder) => new Payer(this, holder);

    private sealed class Payer(Allowances allowances, AllowanceHolder holder) : IInferencePayer
    {
        public ValueTask<Outcome<Reservation, AllowanceRefusal>> ReserveAsync(PricedModel model, TokenUsage most, CancellationToken cancellationToken) =>
            allowances.ReserveAsync(holder, model, most, cancellationToken);
    }

    /// <summary>What an allowance is for.</summary>
    private readonly record struct Place(Id<User> Consumer, Id<ApiKey> Key, Id<Channel> Channel, ListingName Model)
    {
        public static Place Of(AllowanceHolder holder, PricedModel model) => new(holder.Consumer, holder.Key?.KeyId ?? default, holder.Channel ?? default, model.Listing);
    }
}
