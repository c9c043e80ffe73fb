using System.Text;
using System.Text.Json;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Expressions;
using Stoa.Market.Inference.OpenAi;
using Stoa.Market.Tasks;
using Stoa.Market.Workflows.Durable;
using Stoa.Market.Workflows.Runs;
using Stoa.Node.Http;
using Stoa.Node.Tasks;

namespace Stoa.Node.Workflows.Durable;

/// <summary>What a run wants done, read as what the API is sent.</summary>
internal static class StepBodies
{
    // Of a megabyte of input, written as Base64.
    private const long Effort = 1_000_000;

    /// <summary>The submission that a body is; otherwise what it comes to for being none.</summary>
    public static (TaskRequest? Request, WorkOutcome? Malformed) ReadTask(ExpressionValue body)
    {
        if (!body.TryToJson(new ExpressionBudget(Effort), out var json, out var fault))
            return (null, StepOutcomes.Malformed(fault.Reason, []));
        try
        {
            var errors = new List<FieldError>();
            var request = json.Deserialize<SubmitTaskRequest>(StrictJson.Options)?.Read(errors);
            return request is null ? (null, StepOutcomes.Malformed("What its expressions give is no submission of a task.", errors)) : (request, null);
        }
        catch (JsonException wrong)
        {
            return (null, StepOutcomes.Malformed($"What its expressions give is no submission of a task: {wrong.Message}", []));
        }
    }

    /// <summary>The request to a model that a body is; otherwise what it comes to for being none.</summary>
    public static (InferenceRequest? Request, WorkOutcome? Malformed) ReadRequest(ExpressionValue body)
    {
        if (!body.TryToJson(new ExpressionBudget(Effort), out var json, out var fault))
            return (null, StepOutcomes.Malformed(fault.Reason, []));
        if (!InferenceRequest.TryRead(InferenceKind.Chat, Encoding.UTF8.GetBytes(json.GetRawText()), out var request, out var wrong))
            return (null, StepOutcomes.Malformed($"What its expressions give is no request to a model: {(wrong.Parameter is { } member ? $"{member}: " : "")}{wrong.Reason}", []));
        return request.IsStream ? (null, StepOutcomes.Malformed("A run gets its answer as a whole: leave stream out.", [])) : (request, null);
    }
}
