namespace Stoa.Market.Inference.Forms;

/// <summary>Follows the calls of tools in a stream: which call a part belongs to.</summary>
/// <remarks>
/// Servers say it in several ways: by an index, which some leave out and some have as 0 for every call, and by an id, which comes with the first part alone. Calls come one after the other: nobody can do one that is not whole.
/// </remarks>
internal struct OpenCall
{
    private long? _index;
    private byte[]? _id;

    /// <summary>Whether a call is going on.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>How many there were.</summary>
    public int Count { get; private set; }

    /// <summary>Whether a part begins a new call.</summary>
    public readonly bool IsNew(ReadOnlySpan<byte> json, CallPiece part) =>
        !IsOpen || part.Index != _index || (AnswerLimits.HasText(part.Id) && !json[part.Id].SequenceEqual(_id));

    /// <summary>Begins a call.</summary>
    /// <returns>Why it cannot be; null when it can.</returns>
    public AnswerFault? Begin(ReadOnlySpan<byte> json, CallPiece part)
    {
        // One that has neither a name nor an id goes on with a call that has ended.
        if (!AnswerLimits.HasText(part.Name) && !AnswerLimits.HasText(part.Id) && Count > 0)
            return AnswerFault.CallResumed;
        if (!AnswerLimits.IsNamed(part))
            return AnswerFault.CallUnnamed;
        (_index, _id, IsOpen) = (part.Index, json[part.Id].ToArray(), true);
        Count++;
        return null;
    }

    /// <summary>Ends the call: something else has begun.</summary>
    public void End() => IsOpen = false;
}
