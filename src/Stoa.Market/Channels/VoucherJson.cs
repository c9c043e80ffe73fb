using System.Runtime.InteropServices;
using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>Vouchers as they travel and are kept: <c>{"envelope":{…}}</c>, and for a word of a chain <c>{"envelope":{…},"index":42,"word":"64 hex digits"}</c>.</summary>
public static class VoucherJson
{
    /// <summary>The voucher as compact JSON.</summary>
    public static byte[] Write(Voucher voucher) => FixedOrderJson.Write(json =>
    {
        json.WritePropertyName("envelope");
        json.WriteRawValue(voucher.Envelope.ToJson());
        if (voucher is Voucher.Chain chain)
        {
            json.WriteNumber("index", chain.Index);
            json.WriteString("word", chain.Word.ToString());
        }
    });

    /// <summary>Reads a voucher; what it says is not checked.</summary>
    /// <exception cref="FormatException">It is anything else.</exception>
    public static Voucher Read(ReadOnlyMemory<byte> utf8Json)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8Json);
            var root = document.RootElement;
            return Make(
                DsseEnvelope.FromJson(JsonMarshal.GetRawUtf8Value(root.GetProperty("envelope"))),
                root.TryGetProperty("index", out var index) ? index.GetInt32() : null,
                root.TryGetProperty("word", out var word) ? word.GetString() : null);
        }
        catch (Exception refusal) when (refusal is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"It is not a voucher: {refusal.Message}", refusal);
        }
    }

    /// <summary>A voucher of its parts.</summary>
    /// <param name="envelope">The signed bytes.</param>
    /// <param name="index">For a word of a chain.</param>
    /// <param name="word">For a word of a chain: 64 lower-case hex digits.</param>
    /// <exception cref="FormatException">Only one of index and word is there, or the word is none.</exception>
    public static Voucher Make(DsseEnvelope envelope, int? index, string? word) => (index, word) switch
    {
        (null, null) => new Voucher.Signed(envelope),
        ({ } at, { } text) => new Voucher.Chain(envelope, at, ChainWord.Parse(text)),
        _ => throw new FormatException("A word of a chain has both an index and the word; a signed voucher has neither."),
    };
}
