using Stoa.Market.Channels;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Sales;

/// <summary>Receipts of requests that were paid for and whose payers went away before the answer: what was charged for having read them, for the payers to fetch.</summary>
/// <remarks>
/// In memory, the last ones: between <see cref="MostOfHalf"/> and twice as many, each of about a kilobyte. Whoever knows the nonce of a request may have its receipt; only its payer and this node do, and there is nothing of the request in it.
/// It may be used by many threads at once.
/// </remarks>
public sealed class GivenUpReceipts
{
    /// <summary>At least so many are kept.</summary>
    public const int MostOfHalf = 4_096;

    /// <summary>The longest nonce of a request that a receipt is kept for.</summary>
    public const int MostNonceCharacters = 64;

    private readonly Lock _gate = new();
    private Dictionary<(Id<Channel> Channel, string Nonce), string> _newer = [];
    private Dictionary<(Id<Channel> Channel, string Nonce), string> _older = [];

    /// <summary>How many are kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _newer.Count + _older.Count;
        }
    }

    /// <summary>Keeps one.</summary>
    /// <param name="channel">That has paid.</param>
    /// <param name="nonce">Of the request. Of one that is too long nothing is kept.</param>
    /// <param name="receipt">In base64, as it travels.</param>
    public void Put(Id<Channel> channel, string nonce, string receipt)
    {
        ArgumentNullException.ThrowIfNull(nonce);
        if (nonce.Length > MostNonceCharacters)
            return;
        lock (_gate)
        {
            if (_newer.Count >= MostOfHalf)
            {
                (_newer, _older) = (_older, _newer);
                _newer.Clear();
            }

            _newer[(channel, nonce)] = receipt;
        }
    }

    /// <summary>The receipt of a request; null where there is none, or not any more.</summary>
    public string? Find(Id<Channel> channel, string nonce)
    {
        lock (_gate)
            return _newer.TryGetValue((channel, nonce), out var receipt) || _older.TryGetValue((channel, nonce), out receipt) ? receipt : null;
    }
}
