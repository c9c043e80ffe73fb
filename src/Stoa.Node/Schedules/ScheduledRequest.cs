using System.Text.Json;
using Stoa.Client;
using Stoa.Client.Contracts;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Tasks;
using Stoa.Market.Templates;
using Stoa.Node.Http;
using Stoa.Node.Tasks;
using Stoa.Node.Templates;
using Stoa.Primitives;

namespace Stoa.Node.Schedules;

/// <summary>What a schedule submits: as it is kept, and as it is submitted.</summary>
public sealed class ScheduledRequest(SqlTemplateStore templates)
{
    /// <summary>The submission for a tick.</summary>
    /// <param name="owner">Whose schedule.</param>
    /// <param name="request">As it is kept.</param>
    /// <param name="isTemplate">Whether it is the call of a template.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RequestRefusedException">Texts in it do not have their form.</exception>
    public async Task<Outcome<TaskRequest, TemplateRefusal>> ResolveAsync(Id<User> owner, string request, bool isTemplate, CancellationToken cancellationToken)
    {
        if (!isTemplate)
            return ReadTask(request).ToRequest();
        var call = ReadCall(request);
        if (!Id<TaskTemplate>.TryParse(call.Id, out var id))
            return new Refusal<TemplateRefusal>(TemplateRefusal.TemplateUnknown, "The id of a template begins with tmpl_.");
        if (await templates.FindAsync(id, owner, cancellationToken) is not { } template)
            return TemplatesEndpoints.Unknown(id);
        return template.Fill(call.Parameters).Match<Outcome<TaskRequest, TemplateRefusal>>(filled => filled.ToRequest(), refusal => refusal);
    }

    public static string Write(SubmitTaskRequest task) => JsonSerializer.Serialize(task, StoaJson.Default.SubmitTaskRequest);

    public static string Write(TemplateCallBody call) => JsonSerializer.Serialize(call, StoaJson.Default.TemplateCallBody);

    public static SubmitTaskRequest ReadTask(string request) => JsonSerializer.Deserialize(request, StoaJson.Default.SubmitTaskRequest)!;

    public static TemplateCallBody ReadCall(string request) => JsonSerializer.Deserialize(request, StoaJson.Default.TemplateCallBody)!;
}
