using Stoa.Node.Storage;

namespace Stoa.Node.Identity;

/// <summary>Handles of accounts that were erased. Nobody gets them any more, since agents and receipts may still bear them; which they were nobody can read.</summary>
internal static class RetiredHandles
{
    private const string Purpose = "retired handle";

    /// <summary>Whether a handle was one of an account that was erased.</summary>
    public static async Task<bool> HasAsync(SqlSession session, CellKey cell, string handle) => await session.QueryFirstOrDefaultAsync<string>(
        "SELECT handle_hash FROM retired_handles WHERE handle_hash = @hash", new { hash = cell.Fingerprint(Purpose, handle) }) is not null;

    /// <summary>Takes a handle out of use for ever.</summary>
    public static Task<int> AddAsync(SqlSession session, CellKey cell, string handle) => session.ExecuteAsync(
        "INSERT INTO retired_handles (handle_hash) VALUES (@hash) ON CONFLICT DO NOTHING", new { hash = cell.Fingerprint(Purpose, handle) });
}
