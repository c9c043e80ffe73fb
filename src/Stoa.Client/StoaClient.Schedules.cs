using System.Text.Json;
using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/schedules</c>.</summary>
    public Task<ScheduleResponse> CreateScheduleAsync(CreateScheduleRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("schedules", request, StoaJson.Default.CreateScheduleRequest, StoaJson.Default.ScheduleResponse, cancellationToken);

    /// <summary><c>GET /api/v1/schedules</c>, all pages.</summary>
    public IAsyncEnumerable<ScheduleResponse> ListSchedulesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("schedules", StoaJson.Default.ListResponseScheduleResponse, cancellationToken);

    /// <summary><c>GET /api/v1/schedules/{id}</c>.</summary>
    public Task<ScheduleResponse> GetScheduleAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(SchedulePath(id), StoaJson.Default.ScheduleResponse, cancellationToken);

    /// <summary><c>PATCH /api/v1/schedules/{id}</c>.</summary>
    public Task<ScheduleResponse> UpdateScheduleAsync(string id, UpdateScheduleRequest request, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Patch, SchedulePath(id), () => JsonBody(request, StoaJson.Default.UpdateScheduleRequest)),
        StoaJson.Default.ScheduleResponse,
        cancellationToken);

    /// <summary><c>DELETE /api/v1/schedules/{id}</c>.</summary>
    public async Task DeleteScheduleAsync(string id, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, SchedulePath(id)), cancellationToken);
    }

    /// <summary><c>GET /api/v1/schedules/{id}/runs</c>, all pages, newest first.</summary>
    public IAsyncEnumerable<ScheduleRunBody> ListScheduleRunsAsync(string id, CancellationToken cancellationToken = default) =>
        ListAsync(SchedulePath(id) + "/runs", StoaJson.Default.ListResponseScheduleRunBody, cancellationToken);

    /// <summary><c>POST /api/v1/templates</c>.</summary>
    public Task<TemplateResponse> CreateTemplateAsync(CreateTemplateRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("templates", request, StoaJson.Default.CreateTemplateRequest, StoaJson.Default.TemplateResponse, cancellationToken);

    /// <summary><c>GET /api/v1/templates</c>, all pages.</summary>
    public IAsyncEnumerable<TemplateResponse> ListTemplatesAsync(CancellationToken cancellationToken = default) =>
        ListAsync("templates", StoaJson.Default.ListResponseTemplateResponse, cancellationToken);

    /// <summary><c>GET /api/v1/templates/{id}</c>.</summary>
    public Task<TemplateResponse> GetTemplateAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(TemplatePath(id), StoaJson.Default.TemplateResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/templates/{id}</c>.</summary>
    /// <param name="id">Of the template.</param>
    /// <param name="force">Also when schedules fill it in, which are refused from then on.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task DeleteTemplateAsync(string id, bool force = false, CancellationToken cancellationToken = default)
    {
        using var response = await SendAsync(new Call(HttpMethod.Delete, TemplatePath(id) + (force ? "?force=true" : "")), cancellationToken);
    }

    /// <summary><c>POST /api/v1/templates/{id}/tasks</c>: fills in a template and submits it.</summary>
    /// <param name="id">Of the template.</param>
    /// <param name="parameters">What is filled in, by name; null for the defaults alone.</param>
    /// <param name="wait">How long the node holds the line for the end of the task; null for not at all.</param>
    /// <param name="idempotencyKey">The same key with the same values gives the same task; null for a new one.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; a task that was made goes on.</param>
    public Task<TaskResponse> SubmitTemplateAsync(
        string id,
        IReadOnlyDictionary<string, JsonElement>? parameters = null,
        TimeSpan? wait = null,
        string? idempotencyKey = null,
        CancellationToken cancellationToken = default) => SendAsync(
        Call.Making(
            TemplatePath(id) + "/tasks" + WaitQuery(wait),
            () => JsonBody(new SubmitTemplateRequest(parameters), StoaJson.Default.SubmitTemplateRequest),
            idempotencyKey) with
        {
            ResponseTimeout = wait is null ? null : Options.ResponseTimeout + wait,
        },
        StoaJson.Default.TaskResponse,
        cancellationToken);

    private static string SchedulePath(string id) => $"schedules/{Uri.EscapeDataString(id)}";

    private static string TemplatePath(string id) => $"templates/{Uri.EscapeDataString(id)}";
}
