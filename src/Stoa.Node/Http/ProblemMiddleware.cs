using System.Text.RegularExpressions;
using Stoa.Market;
using Stoa.Node.Storage;

namespace Stoa.Node.Http;

/// <summary>Sees to it that every answer of 400 and above is problem details, whoever refused: an endpoint, the framework or a bug.</summary>
public sealed partial class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client has gone: nobody reads an answer.
            return;
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            var problem = Explain(context, exception);
            context.Response.Clear();
            if (problem.Kind == Problems.Of(RequestRefusal.Unavailable))
                context.Response.Headers.RetryAfter = "1";
            await problem.ExecuteAsync(context);
            return;
        }

        var response = context.Response;
        if (response is { HasStarted: false, StatusCode: >= 400, ContentLength: null, ContentType: null })
            await Problems.OfStatus(response.StatusCode).ToProblem().ExecuteAsync(context);
    }

    private ProblemResult Explain(HttpContext context, Exception exception)
    {
        switch (exception)
        {
            case RequestRefusedException refused:
                return refused.Problem;
            case BadHttpRequestException bad:
                return Explain(bad);
            case var full when full.IsDiskFull():
                logger.LogWarning("{Method} {Path} was refused: {Reason}", context.Request.Method, context.Request.Path, full.Message);
                return RequestRefusal.StorageFull.ToProblem();
            case var away when away.MayPass():
                logger.LogWarning("{Method} {Path} was refused: {Reason}", context.Request.Method, context.Request.Path, away.Message);
                return RequestRefusal.Unavailable.ToProblem();
            default:
                logger.LogError(exception, "{Method} {Path} failed.", context.Request.Method, context.Request.Path);
                return RequestRefusal.InternalError.ToProblem();
        }
    }

    private static ProblemResult Explain(BadHttpRequestException bad)
    {
        var refusal = Problems.OfStatus(bad.StatusCode);
        if (refusal is not RequestRefusal.RequestInvalid)
            return refusal.ToProblem();
        var failed = BindingFailure().Match(bad.Message);
        if (failed.Success)
        {
            var name = failed.Groups["name"].Value;
            return refusal.ToProblem(errors: [new FieldError("", $"The parameter {name} does not have the form that /reference describes.")]);
        }

        var missing = MissingParameter().Match(bad.Message);
        return missing.Success
            ? refusal.ToProblem(errors: [new FieldError("", $"The parameter {missing.Groups["name"].Value} is missing.")])
            : refusal.ToProblem();
    }

    // The framework tells which parameter it could not bind in its message only, together with names of our types.
    [GeneratedRegex("^Failed to bind parameter \".+ (?<name>[A-Za-z0-9_]+)\" from ")]
    private static partial Regex BindingFailure();

    [GeneratedRegex("^Required parameter \".+ (?<name>[A-Za-z0-9_]+)\" was not provided")]
    private static partial Regex MissingParameter();
}
