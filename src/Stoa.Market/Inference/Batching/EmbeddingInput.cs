using System.Text;
using System.Text.Json;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Batching;

/// <summary>What a request for vectors asks, where it can be asked together with others.</summary>
/// <param name="Traits">In which all that are asked together are the same.</param>
/// <param name="Count">How many vectors it is answered with.</param>
/// <param name="Items">Its inputs as members of a JSON array, without the brackets.</param>
/// <param name="Tokens">Of its inputs, as they are counted here.</param>
public sealed record EmbeddingInput(EmbeddingTraits Traits, int Count, ReadOnlyMemory<byte> Items, long Tokens)
{
    // Names of users are short; what is longer than this is asked by itself.
    private const int LongestTrait = 512;

    /// <summary>Reads it of a request.</summary>
    /// <remarks>
    /// A request can be asked together with others when it has no other members than <c>model</c>, <c>input</c>, <c>dimensions</c>, <c>encoding_format</c> and <c>user</c>, each once, and its input is a text, tokens, or an array of one of these, none of them empty: whatever else
    /// it says may be meant for all of an answer, or be refused.
    /// </remarks>
    /// <returns>Null when it is to be asked by itself.</returns>
    public static EmbeddingInput? Of(InferenceRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Kind is not InferenceKind.Embedding || !TryReadMembers(request.Body.Span, out var dimensions, out var format, out var user))
            return null;
        var prompt = request.Prompt;
        if (!TryCount(prompt.Span, out var kind, out var count, out var isArrayOfInputs))
            return null;
        return new EmbeddingInput(new EmbeddingTraits(kind, dimensions, format, user), count, isArrayOfInputs ? prompt[1..^1] : prompt, request.InputTokens);
    }

    private static bool TryReadMembers(ReadOnlySpan<byte> body, out string? dimensions, out string? format, out string? user)
    {
        dimensions = format = user = null;
        var json = new Utf8JsonReader(body);
        json.Read();
        while (json.Read() && json.TokenType is JsonTokenType.PropertyName)
        {
            if (json.ValueTextEquals("dimensions"u8))
            {
                if (!TryTake(body, ref json, ref dimensions))
                    return false;
            }
            else if (json.ValueTextEquals("encoding_format"u8))
            {
                if (!TryTake(body, ref json, ref format))
                    return false;
            }
            else if (json.ValueTextEquals("user"u8))
            {
                if (!TryTake(body, ref json, ref user))
                    return false;
            }
            else if (json.ValueTextEquals("model"u8) || json.ValueTextEquals("input"u8))
            {
                // There once, or it would be no request.
                json.Read();
                json.Skip();
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes a value as it is written: whoever writes the same in another way is asked with others.</summary>
    private static bool TryTake(ReadOnlySpan<byte> body, ref Utf8JsonReader json, ref string? trait)
    {
        json.Read();
        var length = (int)(json.BytesConsumed - json.TokenStartIndex);
        if (trait is not null || length > LongestTrait || json.TokenType is not (JsonTokenType.String or JsonTokenType.Number))
            return false;
        trait = Encoding.UTF8.GetString(body.Slice((int)json.TokenStartIndex, length));
        return true;
    }

    private static bool TryCount(ReadOnlySpan<byte> input, out EmbeddingInputKind kind, out int count, out bool isArrayOfInputs)
    {
        (kind, count, isArrayOfInputs) = (EmbeddingInputKind.Text, 1, false);
        var json = new Utf8JsonReader(input);
        json.Read();
        if (json.TokenType is JsonTokenType.String)
            return json.ValueSpan.Length > 0;
        json.Read();
        switch (json.TokenType)
        {
            case JsonTokenType.Number:
                kind = EmbeddingInputKind.Tokens;
                return ReadsToEnd(ref json);
            case JsonTokenType.String:
                isArrayOfInputs = true;
                for (count = 0; json.TokenType is JsonTokenType.String && json.ValueSpan.Length > 0; count++)
                    json.Read();
                return json.TokenType is JsonTokenType.EndArray;
            case JsonTokenType.StartArray:
                (kind, isArrayOfInputs) = (EmbeddingInputKind.Tokens, true);
                for (count = 0; json.TokenType is JsonTokenType.StartArray; count++)
                {
                    json.Read();
                    if (json.TokenType is not JsonTokenType.Number || !ReadsToEnd(ref json))
                        return false;
                    json.Read();
                }

                return json.TokenType is JsonTokenType.EndArray;
            default:
                return false;
        }
    }

    /// <summary>Reads numbers, and says whether the array ends behind them.</summary>
    private static bool ReadsToEnd(ref Utf8JsonReader json)
    {
        while (json.TokenType is JsonTokenType.Number)
            json.Read();
        return json.TokenType is JsonTokenType.EndArray;
    }
}

/// <summary>In what requests for vectors have to be the same to be asked together; values as they are written in JSON.</summary>
/// <param name="Kind">Texts, or tokens.</param>
/// <param name="Dimensions">How many numbers a vector is to have; null where nothing is said of it.</param>
/// <param name="EncodingFormat">How they are written; null where nothing is said of it.</param>
/// <param name="User">For whom it is asked; null where nothing is said of it.</param>
public readonly record struct EmbeddingTraits(EmbeddingInputKind Kind, string? Dimensions, string? EncodingFormat, string? User);

/// <summary>What vectors are asked of.</summary>
public enum EmbeddingInputKind
{
    /// <summary>Of texts.</summary>
    Text,

    /// <summary>Of texts that are tokens already.</summary>
    Tokens,
}
