using System.Diagnostics.Metrics;

namespace Stoa.Node.Metering;

/// <summary>Measures of storage and transfer.</summary>
public sealed class ChargeTelemetry : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _hours;
    private readonly Counter<long> _byteHours;
    private readonly Counter<long> _transfers;
    private readonly Counter<long> _transferred;

    public ChargeTelemetry(IMeterFactory meters)
    {
        _meter = meters.Create("Stoa.Metering");
        _hours = _meter.CreateCounter<long>("stoa.storage.hours", "{hour}", "Hours of storage that users were asked to pay by this node, by whether they did.");
        _byteHours = _meter.CreateCounter<long>("stoa.storage.byte_hours", "{byte hour}", "Bytes that were paid for an hour, asked for by this node.");
        _transfers = _meter.CreateCounter<long>("stoa.transfer.downloads", "{download}", "Downloads of content by known users that ended here, by whether something of them was paid.");
        _transferred = _meter.CreateCounter<long>("stoa.transfer.bytes", "By", "Bytes of content that this node sent to known users, by whether they were paid.");
    }

    /// <summary>Users were asked to pay for an hour.</summary>
    public void Storage(StorageAsked asked)
    {
        if (asked.Paid > 0)
            _hours.Add(asked.Paid, new KeyValuePair<string, object?>("outcome", "paid"));
        if (asked.Unpaid > 0)
            _hours.Add(asked.Unpaid, new KeyValuePair<string, object?>("outcome", "unpaid"));
        if (asked.ByteHours > 0)
            _byteHours.Add(asked.ByteHours);
    }

    /// <summary>A download has ended.</summary>
    /// <param name="freeBytes">Sent for nothing.</param>
    /// <param name="paidBytes">Sent for money.</param>
    public void Transfer(long freeBytes, long paidBytes)
    {
        _transfers.Add(1, new KeyValuePair<string, object?>("paid", paidBytes > 0));
        _transferred.Add(freeBytes, new KeyValuePair<string, object?>("paid", false));
        if (paidBytes > 0)
            _transferred.Add(paidBytes, new KeyValuePair<string, object?>("paid", true));
    }

    public void Dispose() => _meter.Dispose();
}
