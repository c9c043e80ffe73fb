using System.Buffers;
using System.Text.Json;
using Stoa.Market.Inference.OpenAi;
using Stoa.Primitives;

namespace Stoa.Market.Inference.Batching;

/// <summary>Makes one request of several that ask for vectors, and shares out what was used.</summary>
public static class EmbeddingBatch
{
    /// <summary>The most inputs of a batch, of whatever a node is set to.</summary>
    public const int MostInputs = 2_048;

    /// <summary>The most bytes that the inputs of a batch have together.</summary>
    public const int MostBytes = 1 << 20;

    /// <summary>One request with the inputs of all, in their order.</summary>
    /// <param name="model">What it names as its model.</param>
    /// <param name="inputs">At least one, all of the same traits, with at most <see cref="MostInputs"/> together.</param>
    /// <exception cref="ArgumentException">They are not as said.</exception>
    public static InferenceRequest Join(string model, IReadOnlyList<EmbeddingInput> inputs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count == 0 || inputs.Any(input => input.Traits != inputs[0].Traits) || inputs.Sum(input => input.Count) > MostInputs)
            throw new ArgumentException($"Inputs of the same traits are expected, up to {MostInputs}.", nameof(inputs));
        var body = new ArrayBufferWriter<byte>(inputs.Sum(input => input.Items.Length + 1) + 256);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("model"u8, model);
            WriteTrait(json, "dimensions", inputs[0].Traits.Dimensions);
            WriteTrait(json, "encoding_format", inputs[0].Traits.EncodingFormat);
            WriteTrait(json, "user", inputs[0].Traits.User);
            json.WritePropertyName("input"u8);
            json.WriteRawValue(ArrayOf(inputs), skipInputValidation: true);
            json.WriteEndObject();
        }

        return InferenceRequest.TryRead(InferenceKind.Embedding, body.WrittenMemory, out var request, out var fault)
            ? request
            : throw new ArgumentException($"They were read one by one, and together they are no request: {fault.Reason}", nameof(inputs));
    }

    /// <summary>Shares out tokens of a batch by what was counted of each request, by largest remainder: the parts sum exactly to it.</summary>
    /// <remarks>
    /// Of tokens that are no more than <see cref="TokenCount.MostOf"/> allows of all counts together, no part is more than it allows of that request's own: 2 × count + 16 × its part of all, rounded up, where a part of less than all is rounded up to 16 at most.
    /// </remarks>
    /// <param name="tokens">Not negative.</param>
    /// <param name="inputs">At least one.</param>
    public static IReadOnlyList<long> ShareOut(long tokens, IReadOnlyList<EmbeddingInput> inputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        ArgumentNullException.ThrowIfNull(inputs);
        var isNothingCounted = inputs.All(input => input.Tokens == 0);
        long[] counts = [.. inputs.Select(input => isNothingCounted ? 1 : input.Tokens)];
        // As money is: it is the same arithmetic.
        return [.. new Money(tokens).Split(counts).Select(part => part.Nanodollars)];
    }

    private static void WriteTrait(Utf8JsonWriter json, string name, string? trait)
    {
        if (trait is null)
            return;
        json.WritePropertyName(name);
        json.WriteRawValue(trait);
    }

    private static byte[] ArrayOf(IReadOnlyList<EmbeddingInput> inputs)
    {
        var array = new byte[inputs.Sum(input => input.Items.Length + 1) + 1];
        array[0] = (byte)'[';
        var end = 1;
        foreach (var input in inputs)
        {
            input.Items.Span.CopyTo(array.AsSpan(end));
            end += input.Items.Length;
            array[end++] = (byte)',';
        }

        array[end - 1] = (byte)']';
        return array;
    }
}
