using System.Runtime.InteropServices;

namespace Stoa.Wasm.Compilation;

/// <summary>What the basic blocks of a function cost, and which payments in its code pay for them.</summary>
/// <remarks>
/// A block need not pay for itself. Where it is certain to run once another has run, that one pays for both with one subtraction; where all
/// that lead to it jump, they pay. So an account is either a payment, a place in the code that takes fuel, or it stands for others that
/// share its amount: each time that its block runs, the others have paid, in sum, once. Amounts are settled when the whole function is known.
/// </remarks>
internal sealed class FuelAccounts
{
    private readonly List<Account> _accounts = [];
    private readonly List<Source> _sources = [];

    private struct Account
    {
        /// <summary>Of a payment: its code, and where in it the amount is.</summary>
        public int Start;

        public int AmountAt;
        public int End;
        public long Amount;

        /// <summary>The first of its sources, or -1.</summary>
        public int FirstSource;

        /// <summary>The oldest of the accounts that its amount may go to.</summary>
        public int Oldest;

        /// <summary>How many sources name it.</summary>
        public int Dependents;
    }

    /// <summary>An account that pays for another, or is paid back for it.</summary>
    private readonly record struct Source(int Account, int Sign, int Next);

    /// <summary>A place in the code that takes fuel.</summary>
    public int NewPayment()
    {
        _accounts.Add(new Account { AmountAt = -1, FirstSource = -1, Oldest = _accounts.Count });
        return _accounts.Count - 1;
    }

    /// <summary>Says where the code of a payment is.</summary>
    /// <param name="payment">What <see cref="NewPayment"/> gave.</param>
    /// <param name="start">Where the code begins.</param>
    /// <param name="amountAt">Where its <see cref="IlBuffer.EmitPlaceholder"/> is.</param>
    /// <param name="end">Where it ends.</param>
    public void Place(int payment, int start, int amountAt, int end)
    {
        ref var account = ref At(payment);
        account.Start = start;
        account.AmountAt = amountAt;
        account.End = end;
    }

    /// <summary>An account that others pay for.</summary>
    public int NewShared(int source)
    {
        int account = NewPayment();
        AddSource(account, source);
        return account;
    }

    /// <summary>An account that one pays for, and others that do not need it are paid back.</summary>
    public int NewShared(int source, List<int> paidBack)
    {
        int account = NewShared(source);
        foreach (int other in paidBack)
            AddSource(account, other, sign: -1);
        return account;
    }

    /// <summary>An account that is paid for by whichever of several runs.</summary>
    public int NewShared(List<int> sources)
    {
        if (sources.Count == 1)
            return sources[0];
        int account = NewShared(sources[0]);
        for (int i = 1; i < sources.Count; i++)
            AddSource(account, sources[i]);
        return account;
    }

    public void AddSource(int account, int source, int sign = 1)
    {
        ref var to = ref At(account);
        _sources.Add(new Source(source, sign, to.FirstSource));
        to.FirstSource = _sources.Count - 1;
        ref var from = ref At(source);
        to.Oldest = Math.Min(to.Oldest, from.Oldest);
        from.Dependents++;
    }

    /// <summary>Whether an account was made after another, and so were all that pay for it: it may pay for that one.</summary>
    public bool IsYounger(int account, int than) => At(account).Oldest > than;

    public void Charge(int account, long amount) => At(account).Amount += amount;

    /// <summary>Writes into each payment what it takes, and removes those that take nothing.</summary>
    public void Settle(IlBuffer il)
    {
        var ready = new Stack<int>();
        for (int i = 0; i < _accounts.Count; i++)
        {
            if (At(i).Dependents == 0)
                ready.Push(i);
        }

        while (ready.TryPop(out int account))
        {
            ref var from = ref At(account);
            for (int i = from.FirstSource; i >= 0; i = _sources[i].Next)
            {
                ref var to = ref At(_sources[i].Account);
                to.Amount += _sources[i].Sign * from.Amount;
                if (--to.Dependents == 0)
                    ready.Push(_sources[i].Account);
            }

            if (from.AmountAt < 0)
                continue;
            if (from.Amount == 0)
                il.Overwrite(from.Start, from.End - from.Start, Il.Nop);
            else
                il.Patch(from.AmountAt, from.Amount);
        }
    }

    private ref Account At(int account) => ref CollectionsMarshal.AsSpan(_accounts)[account];
}
