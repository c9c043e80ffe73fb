using System.Text.Json;
using System.Text.Json.Nodes;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Templates;

namespace Stoa.Node.Templates;

/// <summary>Between the templates of the market and those of the wire.</summary>
internal static class TemplateContracts
{
    public static TemplateResponse ToContract(this TaskTemplate template) => new(
        template.Id.ToString(),
        template.Name,
        JsonSerializer.Deserialize(template.Task, StoaJson.Default.SubmitTaskRequest)!,
        [.. template.Parameters.Select(parameter => new TemplateParameterBody(
            parameter.Name, parameter.Type.ToString().ToLowerInvariant(), parameter.Description, parameter.Default))],
        template.CreatedAt);

    /// <summary>The parameters that a request declares; what cannot be is added to the errors.</summary>
    public static IReadOnlyList<TemplateParameter> ReadParameters(IReadOnlyList<TemplateParameterBody>? bodies, List<FieldError> errors)
    {
        var parameters = new List<TemplateParameter>();
        foreach (var body in bodies ?? [])
        {
            ParameterType? type = body.Type switch
            {
                null or "text" => ParameterType.Text,
                "number" => ParameterType.Number,
                "integer" => ParameterType.Integer,
                "boolean" => ParameterType.Boolean,
                _ => null,
            };
            if (type is null)
                errors.Add(new FieldError($"/parameters/{parameters.Count}/type", "One of text, number, integer and boolean is expected."));
            parameters.Add(new TemplateParameter(body.Name, type ?? ParameterType.Text, body.Description, body.Default));
        }

        return parameters;
    }

    /// <summary>The submission that a template comes to.</summary>
    public static Outcome<SubmitTaskRequest, TemplateRefusal> Fill(this TaskTemplate template, IReadOnlyDictionary<string, JsonElement>? values) =>
        TemplateBlanks.Fill(template, values ?? new Dictionary<string, JsonElement>()).Match<Outcome<SubmitTaskRequest, TemplateRefusal>>(
            task => task.Deserialize(StoaJson.Default.SubmitTaskRequest)!, refusal => refusal);

    public static JsonNode ToNode(SubmitTaskRequest task) => JsonSerializer.SerializeToNode(task, StoaJson.Default.SubmitTaskRequest)!;
}
