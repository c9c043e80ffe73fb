using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Stoa.Market.Workflows;

namespace Stoa.Node.Workflows;

/// <summary>The document of a workflow as a member of a request: a JSON object, or a text in YAML.</summary>
internal static class DocumentText
{
    /// <summary>The document as JSON.</summary>
    /// <param name="given">The member.</param>
    /// <param name="json">UTF-8; not looked at.</param>
    /// <param name="fault">Why a text is no YAML.</param>
    public static bool TryJson(JsonElement given, out ReadOnlyMemory<byte> json, [NotNullWhen(false)] out string? fault)
    {
        fault = null;
        if (given.ValueKind is JsonValueKind.String)
            return (fault = YamlDocument.TryConvert(Encoding.UTF8.GetBytes(given.GetString()!), Workflow.MaxBytes, out json)) is null;
        json = Encoding.UTF8.GetBytes(given.GetRawText());
        return true;
    }
}
