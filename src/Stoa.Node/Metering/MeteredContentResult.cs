using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.HttpResults;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>Content that is sent to somebody who pays for it beyond what is free.</summary>
/// <remarks>
/// Which bytes go out is decided by whoever answers ranges and conditions, and known with the first of them: then the headers are made and nothing is sent yet. So the price of exactly these is held there,
/// and what is answered without content, such as 304 or to HEAD, costs nothing.
/// </remarks>
/// <param name="content">The content.</param>
/// <param name="reader">Who asks for it; null when that is not known.</param>
public sealed class MeteredContentResult(FileStreamHttpResult content, Caller? reader) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        var fees = httpContext.RequestServices.GetRequiredService<TransferFees>();
        if (reader is not null && !HttpMethods.IsHead(httpContext.Request.Method)
            && await httpContext.RequestServices.GetRequiredService<SqlStorageFees>().RefuseUseAsync(reader.UserId, httpContext.RequestAborted) is { } unpaid)
        {
            await content.FileStream.DisposeAsync();
            await RefuseAsync(httpContext, unpaid.ToProblem());
            return;
        }

        if (reader is null || !fees.IsOn)
        {
            await content.ExecuteAsync(httpContext);
            return;
        }

        var response = httpContext.Response;
        var connection = response.Body;
        await using var metered = new MeteredStream(response.BodyWriter, httpContext, fees, reader);
        response.Body = metered;
        ProblemResult? refused = null;
        try
        {
            await content.ExecuteAsync(httpContext);
        }
        catch (TransferRefusedException refusal)
        {
            refused = refusal.Problem;
        }
        finally
        {
            response.Body = connection;
            await metered.EndAsync();
        }

        if (refused is not null)
            await RefuseAsync(httpContext, refused);
    }

    private static Task RefuseAsync(HttpContext context, ProblemResult refused)
    {
        context.Response.ContentLength = null;
        foreach (var header in (string[])["Content-Range", "Accept-Ranges", "ETag", "Content-Disposition", "Cache-Control"])
            context.Response.Headers.Remove(header);
        return refused.ExecuteAsync(context);
    }

    /// <summary>Counts what was written, and lets the first byte out when all of it is paid for.</summary>
    private sealed class MeteredStream(PipeWriter connection, HttpContext context, TransferFees fees, Caller reader) : WriteOnlyStream
    {
        private Id<UsageCharge>? _transfer;
        private long _sent;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (buffer.IsEmpty)
                return;
            if (_transfer is null)
            {
                var bytes = context.Response.ContentLength ?? throw new InvalidOperationException("How much will be sent is not known.");
                // Who may only read spends nothing: a viewer must not empty the wallet of an organisation.
                if (!(await fees.BeginAsync(reader.UserId, bytes, reader.Rights.Contains(Permission.TasksSubmit) ? reader.Allowance : SpendingAllowance.Nothing, cancellationToken)).TryGet(out var transfer, out var refusal))
                    throw new TransferRefusedException(refusal.ToProblem());
                _transfer = transfer;
            }

            // What is written to a connection that is gone is not sent, and is taken without a word. That the request is aborted may be told later.
            var written = await connection.WriteAsync(buffer, cancellationToken);
            if (written.IsCompleted || context.RequestAborted.IsCancellationRequested)
                throw new OperationCanceledException("The reader has gone.");
            _sent += buffer.Length;
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Write(ReadOnlySpan<byte> buffer) => throw new NotSupportedException();

        public override void Flush() => throw new NotSupportedException();

        public override async Task FlushAsync(CancellationToken cancellationToken) => await connection.FlushAsync(cancellationToken);

        public Task EndAsync() => _transfer is { } transfer ? fees.EndAsync(transfer, _sent) : Task.CompletedTask;
    }

    private sealed class TransferRefusedException(ProblemResult problem) : Exception
    {
        public ProblemResult Problem => problem;
    }
}
