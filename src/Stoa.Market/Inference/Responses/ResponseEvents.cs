using System.Buffers;
using System.Text.Json;
using Stoa.Market.Inference.Forms;

namespace Stoa.Market.Inference.Responses;

/// <summary>Writes the events of a streamed response: each has a number, from 0 on.</summary>
/// <param name="output">Where to.</param>
internal sealed class ResponseEvents(IBufferWriter<byte> output)
{
    private readonly EventWriting _events = new();
    private long _sequence;

    /// <summary>Where events are written.</summary>
    public IBufferWriter<byte> Output { get; set; } = output;

    /// <summary>Begins an event.</summary>
    public Utf8JsonWriter Begin(ReadOnlySpan<byte> type)
    {
        var json = _events.Begin(Output, type);
        json.WriteNumber("sequence_number"u8, _sequence++);
        return json;
    }

    /// <summary>Ends an event.</summary>
    public void End() => _events.End(Output);
}
