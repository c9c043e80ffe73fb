using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Stoa.Market.Workflows;

/// <summary>Turns a document in YAML into the same one in JSON.</summary>
/// <remarks>
/// Plain scalars are what the core schema of YAML 1.2.2 says: null, booleans, numbers, else texts; <c>no</c> and <c>1:30</c> are texts. Anchors, aliases and tags are refused: with them a
/// few lines are gigabytes.
/// </remarks>
public static partial class YamlDocument
{
    private const int MaxDepth = 64;

    /// <summary>Turns one document.</summary>
    /// <param name="yaml">UTF-8, one document.</param>
    /// <param name="maxBytes">The most bytes that it may have, and the JSON too.</param>
    /// <param name="json">The same in JSON, UTF-8; empty when it is refused.</param>
    /// <returns>Null, or what is wrong and in which line.</returns>
    public static string? TryConvert(ReadOnlyMemory<byte> yaml, int maxBytes, out ReadOnlyMemory<byte> json)
    {
        json = default;
        if (yaml.Length > maxBytes)
            return $"The document is too large: it has {yaml.Length:N0} bytes, and at most {maxBytes:N0} are read.";
        var bytes = new ArrayBufferWriter<byte>();
        try
        {
            using var text = new StringReader(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(yaml.Span));
            using var writer = new Utf8JsonWriter(bytes);
            if (Convert(new Parser(text), writer, () => bytes.WrittenCount + writer.BytesPending > maxBytes) is { } why)
                return why;
            writer.Flush();
        }
        catch (DecoderFallbackException)
        {
            return "It is not UTF-8.";
        }
        catch (YamlException fault)
        {
            return $"Line {fault.Start.Line}, column {fault.Start.Column}: {fault.Message}";
        }
        catch (ArgumentException)
        {
            // Half of a surrogate pair, written as an escape.
            return "A text in it is not Unicode.";
        }

        json = bytes.WrittenMemory;
        return null;
    }

    private static string? Convert(Parser parser, Utf8JsonWriter writer, Func<bool> isTooLarge)
    {
        // What is open, and of a mapping whether its next scalar is a name.
        var open = new Stack<(bool IsMapping, bool IsName)>();
        var documents = 0;
        while (parser.MoveNext())
        {
            var at = parser.Current!;
            if (isTooLarge())
                return Fault(at, "it is too large");
            switch (at)
            {
                case DocumentStart when ++documents > 1:
                    return Fault(at, "one document is expected, and a second one begins");
                case AnchorAlias:
                    return Fault(at, "aliases are not taken: write it out");
                case NodeEvent { Anchor.IsEmpty: false }:
                    return Fault(at, "anchors are not taken");
                case NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } }:
                    return Fault(at, "tags are not taken");
                case MappingStart or SequenceStart when open.TryPeek(out var name) && name.IsName:
                    return Fault(at, "the name of a member is a text");
                case MappingStart or SequenceStart when open.Count >= MaxDepth:
                    return Fault(at, $"at most {MaxDepth} levels are read");
                case MappingStart:
                    Take(open);
                    open.Push((true, true));
                    writer.WriteStartObject();
                    break;
                case SequenceStart:
                    Take(open);
                    open.Push((false, false));
                    writer.WriteStartArray();
                    break;
                case MappingEnd:
                    open.Pop();
                    writer.WriteEndObject();
                    break;
                case SequenceEnd:
                    open.Pop();
                    writer.WriteEndArray();
                    break;
                case Scalar scalar when Take(open):
                    writer.WritePropertyName(scalar.Value);
                    break;
                case Scalar scalar:
                    Write(scalar, writer);
                    break;
            }
        }

        return writer.BytesCommitted + writer.BytesPending == 0 ? "The document is empty." : null;
    }

    /// <summary>Counts what comes in the innermost mapping.</summary>
    /// <returns>Whether it is the name of a member.</returns>
    private static bool Take(Stack<(bool IsMapping, bool IsName)> open)
    {
        if (!open.TryPeek(out var inner) || !inner.IsMapping)
            return false;
        open.Pop();
        open.Push((true, !inner.IsName));
        return inner.IsName;
    }

    private static void Write(Scalar scalar, Utf8JsonWriter writer)
    {
        var text = scalar.Value;
        if (scalar.Style is not ScalarStyle.Plain)
            writer.WriteStringValue(text);
        else if (text is "" or "~" or "null" or "Null" or "NULL")
            writer.WriteNullValue();
        else if (text is "true" or "True" or "TRUE" or "false" or "False" or "FALSE")
            writer.WriteBooleanValue(text[0] is 't' or 'T');
        else if (WholePattern().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            writer.WriteNumberValue(whole);
        else if (NumberPattern().IsMatch(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number))
            writer.WriteNumberValue(number);
        else
            writer.WriteStringValue(text);
    }

    private static string Fault(ParsingEvent at, string why) => $"Line {at.Start.Line}, column {at.Start.Column}: {why}.";

    [GeneratedRegex(@"^[-+]?[0-9]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex WholePattern();

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NumberPattern();
}
