using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Node.Metering;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>Budgets inside the act that renews an allowance: what is held of them is turned into what was spent, and anew.</summary>
/// <remarks>Those for everything count, and those for the model and its publisher. On PostgreSQL they are locked before the day of an API key and wallets, in the order of their ids.</remarks>
internal sealed class SqlInferenceBudgets
{
    private readonly SqlSession _session;
    private readonly Id<User> _owner;
    private readonly BudgetedGroup _group;
    private readonly IReadOnlyList<Id<Budget>> _covering;
    private readonly string _all;

    private SqlInferenceBudgets(SqlSession session, Id<User> owner, IReadOnlyList<Budget> locked, ListingName model)
    {
        (_session, _owner, _group) = (session, owner, new BudgetedGroup(locked));
        _covering = [.. locked.Where(budget => budget.Covers(model)).Select(budget => budget.Id)];
        _all = Name(locked.Select(budget => budget.Id));
    }

    /// <summary>Locks the budgets of a user.</summary>
    public static async Task<SqlInferenceBudgets> LockAsync(SqlSession session, Id<User> owner, ListingName model) =>
        new(session, owner, await SqlBudgets.LockAsync(session, "owner_id = @owner", new { owner }), model);

    /// <summary>Turns what a hold has of budgets into what was spent of it.</summary>
    public async Task SettleAsync(Id<InferenceCharge> hold, Money spent)
    {
        if (_group.Budgets.Count == 0)
            return;
        foreach (var (id, start, amount) in await _session.QueryAsync<(Id<Budget> Id, DateTimeOffset Start, Money Amount)>(
            "SELECT budget_id, start_at, amount FROM budget_holds WHERE task_id = @hold", new { hold }))
        {
            // A budget that was removed has taken its holds along.
            if (_group.Budgets.TryGetValue(id, out var budget))
                _group.Change(budget.Settle(start, amount, spent));
        }

        await _session.SendAsync("DELETE FROM budget_holds WHERE task_id = @hold", new { hold });
    }

    /// <summary>What may be held of all budgets that count, up to what is wanted.</summary>
    /// <param name="wanted">No more than this.</param>
    /// <param name="least">If less than this is left, tasks that have ended are looked for, whose holds still count.</param>
    /// <param name="now">UTC.</param>
    /// <returns>The amount, and the budget that has less than the least; null when none has.</returns>
    public async Task<(Money Amount, Budget? Full)> FindLeftAsync(Money wanted, Money least, DateTimeOffset now)
    {
        var amount = wanted;
        foreach (var id in _covering)
        {
            _group.Budgets[id] = _group.Budgets[id].At(now);
            if (_group.Budgets[id].Left < least)
                await SqlBudgets.SettleEndedAsync(_session, _group, id);
            if (_group.Budgets[id].Left < least)
                return (amount, _group.Budgets[id]);
            amount = Money.Min(amount, _group.Budgets[id].Left);
        }

        return (amount, null);
    }

    /// <summary>Holds anew, of all that count.</summary>
    public async Task HoldAsync(Id<InferenceCharge> hold, Money amount)
    {
        foreach (var id in _covering)
        {
            var budget = _group.Budgets[id];
            _group.Change(budget.Hold(amount) ?? throw new InvalidOperationException($"The budget {id} has {budget.Left} left, not {amount}."));
            await AddHoldAsync(_session, hold, id, budget.Meter.Start, amount);
        }
    }

    /// <summary>Writes down what is held of one budget.</summary>
    public static Task AddHoldAsync(SqlSession session, Id<InferenceCharge> hold, Id<Budget> budget, DateTimeOffset start, Money amount) => session.SendAsync(
        "INSERT INTO budget_holds (task_id, budget_id, start_at, amount) VALUES (@hold, @budget, @start, @amount)", new { hold, budget, start, amount });

    /// <summary>Writes what has changed.</summary>
    /// <exception cref="SqlRetryException">A budget was made or removed since they were locked. Whoever does either holds the wallet until it has committed, as this act does by now.</exception>
    public async Task WriteAsync()
    {
        await SqlBudgets.UpdateAsync(_session, _group.Changed);
        var ids = await _session.QueryAsync<Id<Budget>>("SELECT id FROM budgets WHERE owner_id = @owner ORDER BY id", new { owner = _owner });
        if (Name(ids) != _all)
            throw new SqlRetryException($"Budgets of {_owner} were made or removed meanwhile.");
    }

    private static string Name(IEnumerable<Id<Budget>> ids) => string.Join(' ', ids.Order());
}
