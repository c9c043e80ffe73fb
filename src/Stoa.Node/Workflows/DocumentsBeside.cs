using System.Text.Json;
using Stoa.Market;
using Stoa.Market.Workflows;

namespace Stoa.Node.Workflows;

/// <summary>Documents of workflows that come with a request beside the one that it is about: those that this one may use.</summary>
internal static class DocumentsBeside
{
    /// <summary>As JSON, by what they are called; or every one that is no YAML.</summary>
    /// <param name="given">JSON objects, or texts in YAML.</param>
    public static Outcome<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>, WorkflowRefusal> Read(IReadOnlyDictionary<string, JsonElement>? given)
    {
        var documents = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        var errors = new List<FieldError>();
        foreach (var (name, document) in given ?? new Dictionary<string, JsonElement>())
        {
            if (DocumentText.TryJson(document, out var json, out var fault))
                documents.Add(name, json);
            else
                errors.Add(new FieldError($"/workflows/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}", fault));
        }

        return errors.Count == 0 ? documents : new Refusal<WorkflowRefusal>(WorkflowRefusal.WorkflowInvalid, "What is given beside the workflow is not the YAML that is expected.", errors);
    }
}
