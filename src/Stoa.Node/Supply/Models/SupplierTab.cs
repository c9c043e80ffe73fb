using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market.Channels;
using Stoa.Market.PayPerCall;
using Stoa.Market.Supply;
using Stoa.Node.PayPerCall;
using Stoa.Primitives;

namespace Stoa.Node.Supply.Models;

/// <summary>What this node spends at one supplier for requests to models: the voucher is raised a block at a time, which is written before it leaves, and requests draw on it in memory.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
internal sealed class SupplierTab : IDisposable
{
    private const string Removed = "It was removed.";

    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_firstRest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestRest = TimeSpan.FromMinutes(1);

    // Then whatever is in doubt, it does well, and one that does not ends it.
    private const int MostTrials = 64;

    private readonly long _number;
    private readonly PrivateKey _key;
    private readonly SqlSupplierTabs _store;
    private readonly Money _block;
    private readonly Money _mostDoubtful;
    private readonly TimeProvider _time;
    private readonly SupplierPurse _purse = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Lock _gate = new();
    private Supplier _supplier;
    private SignedVoucher? _voucher;
    private PurseCounts _written;
    private string? _failure;
    private Blockage? _blockage;
    private Blockage? _rest;
    private Blockage? _trialPause;
    private int _trials = 1;
    private Money _waiting;
    private int _inLine;
    private bool _isShort;
    private bool _isClosed;

    /// <param name="supplier">As it is registered.</param>
    /// <param name="number">Which tab of this start there, from 1.</param>
    /// <param name="key">Of the channel's payer; the tab disposes of it.</param>
    /// <param name="store">Where it is written.</param>
    /// <param name="options">How much is promised at a time.</param>
    /// <param name="time">The clock.</param>
    public SupplierTab(Supplier supplier, long number, PrivateKey key, SqlSupplierTabs store, SupplyOptions options, TimeProvider time) =>
        (_supplier, _number, _key, _store, _block, _mostDoubtful, _time) = (supplier, number, key, store, options.ModelBlock, options.MostDoubtful, time);

    /// <summary>As it was last written.</summary>
    public Supplier Supplier => Volatile.Read(ref _supplier);

    /// <summary>Signs for it.</summary>
    public PrivateKey Key => _key;

    /// <summary>How it stands.</summary>
    public PurseStanding Standing => _purse.Standing;

    /// <summary>About what was spent a second lately.</summary>
    public Money PerSecond { get; set; }

    /// <summary>Whether it spends nothing any more.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate)
                return _isClosed;
        }
    }

    /// <summary>Why it gets no requests now, for its operator; null when it does.</summary>
    public string? FindReason()
    {
        var now = _time.GetUtcNow();
        lock (_gate)
        {
            if (_isClosed)
                return Removed;
            if (_supplier.BarredUntil is { } until && until > now)
                return $"It has lied, and is asked again from {until:u} on: {_failure ?? _supplier.Standing.LastFailure}";
            if (Doubtful > _mostDoubtful && _trialPause is { } pause && pause.Until > now)
                return pause.Reason;
            return (_blockage is { } blockage && blockage.Until > now ? blockage : _rest is { } rest && rest.Until > now ? rest : null)?.Reason;
        }
    }

    /// <summary>Why it gets requests on trial only, for its operator; null when it does not.</summary>
    public string? FindCaution()
    {
        lock (_gate)
            return Doubtful > _mostDoubtful ? $"{InDoubt} One small request at a time goes there, of at most {_block} USD, and more with each that is answered, whose cost makes up for what is in doubt. {WhatToDo}" : null;
    }

    /// <summary>Sets aside what a request can cost; mostly at once.</summary>
    /// <returns>Why it cannot be paid for there; null when it can.</returns>
    public ValueTask<string?> ReserveAsync(Money amount, CancellationToken cancellationToken)
    {
        if (FindReason() is { } reason)
            return new(reason);
        if (MostOnTrial is { } trials)
        {
            var standing = _purse.Standing;
            return standing.UnderWay < trials && amount <= _block - standing.Reserved ? new(ReserveSlowlyAsync(amount, cancellationToken)) : new("So much that it may have charged is in doubt that it gets few requests at a time, and no large ones.");
        }

        return Volatile.Read(ref _voucher) is not null && _purse.TryReserve(amount) ? new((string?)null) : new(ReserveSlowlyAsync(amount, cancellationToken));
    }

    /// <summary>A request has ended.</summary>
    /// <param name="reserved">What was set aside for it.</param>
    /// <param name="spent">What it has cost, as far as is known.</param>
    /// <param name="most">The most that can have been charged.</param>
    /// <param name="outcome">What it says of the supplier; null for nothing.</param>
    /// <param name="why">What happened when it failed or lied; null when it did not.</param>
    public void Settle(Money reserved, Money spent, Money most, CallOutcome? outcome, string? why)
    {
        _purse.Settle(reserved, spent, most, outcome);
        lock (_gate)
        {
            if (why is not null)
                _failure = why;
            if (outcome is CallOutcome.Done)
            {
                _blockage = null;
                // What was under way when it said that it was busy is no sign that it has room.
                if (_rest is { } rest && rest.Until <= _time.GetUtcNow())
                    _rest = null;
            }

            // At once; the database says it to the other nodes.
            if (outcome is CallOutcome.Lied)
                _supplier = _supplier with { BarredUntil = _time.GetUtcNow() + SupplierShares.BarOf(_supplier.Standing.Lies + 1) };
            NoteTrial(outcome, leavesDoubt: Money.Min(most, reserved) > spent);
        }
    }

    /// <summary>A request that was settled has turned out to have failed through the supplier's fault.</summary>
    /// <param name="why">What happened.</param>
    public void NoteFailure(string why)
    {
        _purse.NoteFailure();
        lock (_gate)
            _failure = why;
    }

    /// <summary>The header that pays a request: the voucher for all that is promised.</summary>
    public string PaymentOf()
    {
        var amount = VoucherAmount;
        if (Volatile.Read(ref _voucher) is { } there && there.Amount == amount)
            return there.Header;
        var made = Sign(amount);
        Volatile.Write(ref _voucher, made);
        return made.Header;
    }

    /// <summary>Promises what it says that it needs for a request.</summary>
    /// <param name="cumulative">In all.</param>
    /// <param name="amount">The most that the request can cost.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Whether it is no more than may be.</returns>
    public async Task<bool> RaiseAsync(Money cumulative, Money amount, CancellationToken cancellationToken)
    {
        // What it has promised already may still tell that less was taken than was thought.
        var supplier = Supplier;
        if (cumulative <= VoucherAmount && supplier.DoubtfulAfter(cumulative) == supplier.Doubtful)
            return true;
        if (await _store.RaiseAsync(Supplier.Id, cumulative, Money.Max(_block, amount), cancellationToken) is not { } raised)
            return false;
        Take(raised);
        return true;
    }

    /// <summary>The channel has less than the voucher promises: from here on no more is promised than is needed.</summary>
    /// <returns>Whether that is less than what was promised, so that it is worth trying again.</returns>
    public async Task<bool> ShrinkAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var before = VoucherAmount;
            lock (_gate)
                _isShort = true;
            return await WriteAsync(_purse.GiveBack(), isOver: false, CancellationToken.None) && VoucherAmount < before;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>It cannot be paid for a while; each time for longer.</summary>
    public void Block(string reason)
    {
        lock (_gate)
        {
            var pause = _blockage is { } before ? TimeSpan.FromTicks(Math.Min(before.Pause.Ticks * 2, s_longestPause.Ticks)) : s_firstPause;
            _blockage = new Blockage(reason, pause, _time.GetUtcNow() + pause);
            // Somebody may have filled the channel by then.
            _isShort = false;
        }
    }

    /// <summary>It has said that it has as much to do as it can: it is asked nothing for a moment, each time for longer.</summary>
    /// <param name="asked">For how long it would be left alone, as it says; null when it does not. No more than a minute.</param>
    public void Rest(TimeSpan? asked)
    {
        lock (_gate)
        {
            var now = _time.GetUtcNow();
            // Those that were under way side by side say the same once.
            if (_rest is { } current && current.Until > now)
                return;
            var pause = _rest is { } before ? TimeSpan.FromTicks(Math.Min(before.Pause.Ticks * 2, s_longestRest.Ticks)) : s_firstRest;
            var length = asked is { } said && said > pause ? TimeSpan.FromTicks(Math.Min(said.Ticks, s_longestRest.Ticks)) : pause;
            _rest = new Blockage($"It is busy, and is asked again from {now + length:u} on.", pause, now + length);
        }
    }

    /// <summary>Writes what came of requests since.</summary>
    /// <param name="givesBack">Whether what is not reserved is free for others again.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task FlushAsync(bool givesBack, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await WriteAsync(givesBack ? _purse.GiveBack() : _purse.Standing.Granted, isOver: false, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Reserves nothing any more. What is under way is settled still: to be called again until nothing is.</summary>
    /// <returns>Whether all is written, and nobody uses it any more.</returns>
    public async Task<bool> CloseAsync(CancellationToken cancellationToken)
    {
        bool isOver;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            lock (_gate)
                _isClosed = true;
            var granted = _purse.Close();
            // Nothing more begins: when none is under way now, none will be.
            isOver = _purse.Standing.UnderWay == 0;
            await WriteAsync(isOver ? _purse.Counts.Spent : granted, isOver, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }

        lock (_gate)
            return isOver && _inLine == 0;
    }

    /// <summary>Whether something came of requests that is not written.</summary>
    public bool HasNews
    {
        get
        {
            lock (_gate)
                return _purse.Counts != _written;
        }
    }

    /// <summary>It was read again: another node, or somebody else, may have changed it.</summary>
    public void Take(Supplier supplier)
    {
        lock (_gate)
        {
            // What is promised and what it is barred for only grow.
            var barred = supplier.BarredUntil is { } until && until > (_supplier.BarredUntil ?? default) ? until : _supplier.BarredUntil;
            _supplier = supplier with { Signed = Money.Max(supplier.Signed, _supplier.Signed), BarredUntil = barred };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _turn.Dispose();
        _key.Dispose();
    }

    // With the lock taken, as the two that follow.
    private Money Doubtful => _supplier.Doubtful + _purse.Counts.Doubtful - _written.Doubtful;

    private string InDoubt => $"It may have charged {Doubtful} USD for requests of which nothing is known, and at most {_mostDoubtful} may be in doubt (twice Supply:ModelBlockUsd).";

    private const string WhatToDo = "To have that behind you at once, look what its channel has paid, then remove the supplier and add it again with the same channel: from then on that counts as spent.";

    /// <summary>How many requests may be under way there while too much is in doubt; null when it is not.</summary>
    private int? MostOnTrial
    {
        get
        {
            lock (_gate)
                return Doubtful > _mostDoubtful ? _trials : null;
        }
    }

    /// <summary>Takes note of how a request has ended, where too much is in doubt: with the lock taken.</summary>
    private void NoteTrial(CallOutcome? outcome, bool leavesDoubt)
    {
        if (Doubtful <= _mostDoubtful)
        {
            (_trials, _trialPause) = (1, null);
        }
        else if (outcome is CallOutcome.Done)
        {
            (_trials, _trialPause) = (Math.Min(2 * _trials, MostTrials), null);
        }
        else if (leavesDoubt || outcome is CallOutcome.Failed or CallOutcome.Lied)
        {
            var length = _trialPause is { } before ? TimeSpan.FromTicks(Math.Min(before.Pause.Ticks * 2, s_longestPause.Ticks)) : s_firstPause;
            var until = _time.GetUtcNow() + length;
            (_trials, _trialPause) = (1, new Blockage($"{InDoubt} It is asked one small request again from {until:u} on. {WhatToDo}", length, until));
        }
    }

    // Where the channel is nearly used up all that was promised before cannot be had.
    private Money VoucherAmount
    {
        get
        {
            lock (_gate)
                return _isShort ? Money.Max(new Money(1), Money.Min(_supplier.Signed, _supplier.Spent + _supplier.Reserved + _supplier.Beyond)) : Money.Max(new Money(1), _supplier.Signed);
        }
    }

    private async Task<string?> ReserveSlowlyAsync(Money amount, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_isClosed)
                return Removed;
            _inLine++;
            _waiting += amount;
        }

        try
        {
            await _turn.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            LeaveLine(amount);
            throw;
        }

        try
        {
            // It may have been closed since.
            if (FindReason() is { } reason)
                return reason;
            // Many may have come as far as this at the same moment.
            var trials = MostOnTrial;
            if (Volatile.Read(ref _voucher) is not null && TryReserve(amount, trials))
                return null;
            var standing = _purse.Standing;
            // Exactly what is needed where the channel has not much more, or it is not to have more.
            Money free;
            lock (_gate)
                free = _isShort || trials is not null ? amount : SupplierPurse.WorthGranting(amount, _waiting - amount, Money.Max(_block, PerSecond + PerSecond), _mostDoubtful - standing.Reserved);
            var granted = standing.Counts.Spent + standing.Reserved + free;
            // Nobody's going away is to leave in doubt what others wait for.
            if (!await WriteAsync(Money.Max(standing.Granted, granted), isOver: false, CancellationToken.None))
                return Removed;
            Volatile.Write(ref _voucher, Sign(VoucherAmount));
            return TryReserve(amount, trials) ? null : "What is promised there is in use; try again.";
        }
        finally
        {
            _turn.Release();
            LeaveLine(amount);
        }
    }

    private bool TryReserve(Money amount, int? trials) => trials is { } most ? _purse.TryReserve(amount, most, _block) : _purse.TryReserve(amount);

    private void LeaveLine(Money amount)
    {
        lock (_gate)
        {
            _inLine--;
            _waiting -= amount;
        }
    }

    /// <summary>Writes in the caller's turn; what is granted beyond before may be spent afterwards.</summary>
    private async Task<bool> WriteAsync(Money granted, bool isOver, CancellationToken cancellationToken)
    {
        var counts = _purse.Counts;
        string? failure;
        lock (_gate)
            failure = counts.Failures + counts.Lies > _written.Failures + _written.Lies ? _failure : null;
        var supplier = await _store.WriteAsync(new TabKey(Supplier.Id, _number), counts, granted, failure, isOver, cancellationToken);
        lock (_gate)
        {
            _written = counts;
            if (supplier is null)
                _isClosed = true;
        }

        if (supplier is null)
            return false;

        if (!isOver)
            _purse.Grant(granted);
        Take(supplier);
        return true;
    }

    private SignedVoucher Sign(Money amount)
    {
        var supplier = Supplier;
        var voucher = new VoucherPayload(supplier.Channel, supplier.Node, amount).Sign(_key);
        var payment = new PaymentPayload(
            PaymentHeaders.Version,
            new PaymentRequirements(Till.Scheme, PaymentNetwork.Of(supplier.Node), Money.Zero.ToString(), "USD", "", 1),
            new ChannelVoucherBody(supplier.Channel.ToString(), new VoucherBody(voucher.Envelope)));
        return new SignedVoucher(amount, Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(payment, StoaJson.Default.PaymentPayload)));
    }

    private sealed record SignedVoucher(Money Amount, string Header);

    private sealed record Blockage(string Reason, TimeSpan Pause, DateTimeOffset Until);
}
