using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Stoa.Market.Inference.Forms;

/// <summary>Writes server-sent events with a name: WHATWG HTML, section 9.2.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A writer into a buffer has nothing that would have to be given back.")]
internal sealed class EventWriting
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private Utf8JsonWriter? _json;

    /// <summary>Begins an event, whose data is an object that says its type.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="type">Its name.</param>
    public Utf8JsonWriter Begin(IBufferWriter<byte> output, ReadOnlySpan<byte> type)
    {
        output.Write("event: "u8);
        output.Write(type);
        output.Write("\ndata: "u8);
        var json = Value(output);
        json.WriteStartObject();
        json.WriteString("type"u8, type);
        return json;
    }

    /// <summary>Ends an event.</summary>
    public void End(IBufferWriter<byte> output)
    {
        _json!.WriteEndObject();
        _json.Flush();
        output.Write("\n\n"u8);
    }

    /// <summary>Writes a value that is no event.</summary>
    public Utf8JsonWriter Value(IBufferWriter<byte> output)
    {
        if (_json is null)
            _json = new Utf8JsonWriter(output, s_options);
        else
            _json.Reset(output);
        return _json;
    }
}
