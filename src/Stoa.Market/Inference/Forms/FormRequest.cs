using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Forms;

/// <summary>Makes a request of chat completions out of one of another API.</summary>
internal static class FormRequest
{
    /// <summary>The most messages, and the most parts of one.</summary>
    public const int MostItems = 16_384;

    /// <summary>The most tools.</summary>
    public const int MostTools = 1_024;

    private const int MaxDepth = 64;
    // What is read of each takes a dozen bytes of memory, so that a body of brackets alone would take many times its length.
    private const int MostValues = 1 << 20;

    private static readonly JsonWriterOptions s_writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Translates one.</summary>
    /// <param name="body">JSON.</param>
    /// <param name="translate">Reads the object that the body is, and writes members of the other one.</param>
    /// <param name="chat">The request of chat completions.</param>
    /// <returns>What is wrong with it; null when nothing is.</returns>
    public static RequestFault? Translate(ReadOnlyMemory<byte> body, Action<FormObject, Utf8JsonWriter> translate, out ReadOnlyMemory<byte> chat)
    {
        chat = default;
        try
        {
            if (IsTooMuch(body.Span))
                return new RequestFault(null, string.Create(CultureInfo.InvariantCulture, $"The body has more than {MostValues:N0} values in it."));
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            var (faults, written) = (new FormFaults(), new ArrayBufferWriter<byte>(Math.Max(1_024, body.Length)));
            using (var json = new Utf8JsonWriter(written, s_writing))
            {
                json.WriteStartObject();
                translate(new FormObject(document.RootElement, "", faults), json);
                if (faults.First is null)
                    json.WriteEndObject();
            }

            chat = written.WrittenMemory;
            return faults.First;
        }
        catch (JsonException broken)
        {
            return new RequestFault(null, $"The body is no JSON that can be read: {broken.Message}");
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair in a text that is read.
            return new RequestFault(null, "The body has text in it that is no Unicode.");
        }
    }

    private static bool IsTooMuch(ReadOnlySpan<byte> body)
    {
        var json = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = MaxDepth });
        var values = 0;
        while (json.Read())
        {
            if (++values > MostValues)
                return true;
        }

        return false;
    }
}
