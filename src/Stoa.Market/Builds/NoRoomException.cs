namespace Stoa.Market.Builds;

/// <summary>There is no room left where content is stored. It passes once somebody has made room.</summary>
public sealed class NoRoomException(Exception cause) : IOException($"There is no room left for content: {cause.Message}", cause);
