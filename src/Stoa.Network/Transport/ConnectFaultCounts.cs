using Stoa.Network.Negotiation;

namespace Stoa.Network.Transport;

/// <summary>How many strangers did not get through, by why. Safe for use by many threads.</summary>
public sealed class ConnectFaultCounts
{
    private readonly long[] _counts = new long[Enum.GetValues<ConnectFault>().Length];

    /// <summary>How many, for one reason.</summary>
    public long this[ConnectFault fault] => Interlocked.Read(ref _counts[(int)fault]);

    /// <summary>How many, for any.</summary>
    public long Total => Enum.GetValues<ConnectFault>().Sum(fault => this[fault]);

    internal void Add(ConnectFault fault) => Interlocked.Increment(ref _counts[(int)fault]);
}
