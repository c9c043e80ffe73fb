using Stoa.Primitives;

namespace Stoa.Market.PayPerCall;

/// <summary>Remembers what a payer could not pay for a moment ago, so that whoever comes again without paying costs no second look.</summary>
/// <remarks>It may be used by many threads at once.</remarks>
/// <param name="time">The clock.</param>
public sealed class UnpaidThrottle(TimeProvider time)
{
    /// <summary>So many in a row that are not paid for may be a payer who learns what things cost.</summary>
    public const int MostInARow = 8;

    /// <summary>How long it is remembered what there was of credit.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromSeconds(1);

    /// <summary>How long whoever has not paid again and again brings nothing long.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private Unpaid? _last;
    private int _inARow;

    /// <summary>A request could not be paid for.</summary>
    /// <param name="most">What it could have cost at most.</param>
    /// <param name="paid">What was paid with it in all.</param>
    /// <param name="credit">What there was.</param>
    public void NoteUnpaid(Money most, Money paid, CallCredit credit)
    {
        lock (_gate)
        {
            _last = new Unpaid(most, paid, credit, time.GetTimestamp());
            _inARow++;
        }
    }

    /// <summary>A request was paid for.</summary>
    public void NotePaid()
    {
        if (Volatile.Read(ref _last) is null)
            return;
        lock (_gate)
            (_last, _inARow) = (null, 0);
    }

    /// <summary>The credit of a moment ago, when nothing was paid since and it did not suffice for as much: this request is not paid for either.</summary>
    /// <param name="most">What a request may cost.</param>
    /// <param name="paid">What is paid with it in all.</param>
    public CallCredit? FindTooLittle(Money most, Money paid)
    {
        lock (_gate)
        {
            if (_last is not { } unpaid || most < unpaid.Most || paid > unpaid.Paid || time.GetElapsedTime(unpaid.At) >= Remembered)
                return null;
            _inARow++;
            return unpaid.Credit;
        }
    }

    /// <summary>Whether a long body is read: not of whoever has asked again and again lately, has paid for nothing of it, and does not pay what was demanded last.</summary>
    /// <param name="paid">What is paid in all.</param>
    public bool MayBringLong(Money paid)
    {
        lock (_gate)
            return _inARow < MostInARow || _last is not { } unpaid || paid >= unpaid.Credit.Required(unpaid.Most) || time.GetElapsedTime(unpaid.At) >= Pause;
    }

    private sealed record Unpaid(Money Most, Money Paid, CallCredit Credit, long At);
}
